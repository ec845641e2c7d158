//! What is refused before anything is done, and in which words.

use std::fs;

use clusterdojo::bundle::{BundleWriter, Kind};
use clusterdojo::model::Role;

use crate::cli::World;

#[test]
fn flags_of_a_driver_without_machines_are_refused_with_the_right_command() {
    let world = World::new();
    insta::assert_snapshot!(world.dojo(&["up", "--host", "root@192.0.2.11"]).failure(), @r"
    exit 2
    error: `--host` is for machines of driver `ssh`, and here they come from `docker`
    hint: perhaps `dojo up --host root@192.0.2.11 --driver ssh` is meant
    ");
    for (args, words) in [
        (
            &["up", "--instance-type", "m5.large"][..],
            "dojo up --instance-type m5.large --driver ec2",
        ),
        (
            &["up", "xy", "--driver", "ssh", "--host", "a", "--subnet", "10.9.0.0/24"],
            "--driver docker",
        ),
        (&["up", "--driver-opt", "a=b"], "`--driver-opt` is for machines of an external driver"),
        (&["up", "--spot", "--dry-run"], "`--spot` is for machines of driver `ec2`"),
        (&["up", "--adopt", "--explain"], "`--adopt` is for machines of driver `ssh`"),
        (&["down", "xy", "--region", "eu-central-1"], "--driver ec2"),
        (&["ls", "--profile", "work"], "--driver ec2"),
        (
            &["sweep", "--driver", "ec2", "--driver-opt", "a=b"],
            "`--driver-opt` is for machines of an",
        ),
        (&["repair", "xy", "--host", "root@192.0.2.11"], "--driver ssh"),
        (&["doctor", "--host", "root@192.0.2.11"], "--driver ssh"),
        (&["up", "--driver", "ssh", "--host", "a", "--memory", "2GiB"], "take no limits"),
        (&["up", "--driver", "ec2", "-p", "8080:80"], "no port of this computer"),
    ] {
        let said = world.dojo(args);
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
    }
    assert!(!world.path().join("state").exists(), "nothing was written");
}

#[test]
fn options_of_a_driver_without_machines_are_refused_where_they_stand() {
    let world = World::new();
    let head = "apiVersion: clusterdojo/v1\nname: practice\nmachines:\n";
    for (machines, options, words) in [
        (
            "{ role: manager }",
            "ssh:\n  hosts: [{ address: a }]\n",
            "6:3: there are options for driver `ssh`",
        ),
        // Said in vain, although it says nothing new.
        ("{ role: manager }", "ec2: { ttl: 8h }\n", "5:6: there are options for driver `ec2`"),
        ("{ role: manager }", "external:\n  podbox: { a: b }\n", "options for driver `podbox`"),
        (
            "{ role: manager, driver: ssh }",
            "ssh:\n  hosts: [{ address: a }]\ndocker:\n  image: x\n",
            "options for driver `docker`",
        ),
        (
            "{ role: manager, driver: ssh, memory: 2GiB }",
            "ssh:\n  hosts: [{ address: a }]\n",
            "4:5: machines of driver `ssh` take no limits",
        ),
        ("{ role: manager, driver: ec2, ports: ['80:80'] }", "", "4:5: no port of this computer"),
    ] {
        let file = world.file("spec.yaml", &format!("{head}  - {machines}\n{options}"));
        let said = world.dojo(&["up", "-f", &file, "--dry-run", "-o", "yaml"]);
        assert_eq!(said.code, Some(2), "{options}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{options}: {}", said.stderr);
    }
    let mixed = format!(
        "{head}  - {{ role: manager }}\n  - {{ role: worker, driver: ssh }}\ndocker: {{ image: x }}\n\
         ssh:\n  hosts: [{{ address: a }}]\n"
    );
    let file = world.file("spec.yaml", &mixed);
    world.dojo(&["up", "-f", &file, "--dry-run", "-o", "yaml"]).ok();
}

#[test]
fn a_dry_run_refuses_what_up_refuses_in_the_same_words() {
    let world = World::new();
    let up = ["up", "k8s", "--driver", "fake", "--kubernetes"];
    let packages = ["--kubernetes-repository", "https://packages.example"];
    let absent = world.path().join("absent.tar").display().to_string();
    let bundle = world.path().join("bundle.tar");
    let kubelet = Kind::Binary { target: "/usr/bin/kubelet".to_owned() };
    BundleWriter::new("1.38.0".parse().unwrap(), std::env::consts::ARCH.parse().unwrap())
        .with(world.file("kubelet", "k"), "bin/kubelet.gz", kubelet, [Role::ControlPlane])
        .write(&bundle)
        .unwrap();
    let bundle = bundle.display().to_string();
    for (more, code, words) in [
        (vec!["--kubernetes-version", "1.33"], 2, "1.33 is too old: 1.34 to 1.37 are supported"),
        (vec!["--kubernetes-version", "1.20.2"], 2, "clusterdojo 0.1 had it"),
        (vec!["--bundle", &bundle], 2, "containerd 2, which the bundle does not bring"),
        ([&packages[..], &["--cni", "./absent.yaml"]].concat(), 1, "cannot read the manifest"),
        (vec!["--bundle", &absent], 1, "absent.tar"),
        (vec!["--kubernetes-repository", "http://packages.example"], 2, "without TLS"),
        ([&packages[..], &["--cni", "http://a.example/net.yaml"]].concat(), 2, "--cni-sha256"),
    ] {
        let args = [&up[..], &more].concat();
        let dry = world.dojo(&[&args[..], &["--dry-run"]].concat());
        assert!(dry.stderr.contains(words), "{more:?}: {}", dry.stderr);
        let real = world.dojo(&args);
        assert_eq!((dry.code, &dry.stderr), (real.code, &real.stderr), "{more:?}");
        assert_eq!(dry.code, Some(code), "{more:?}: {}", dry.stderr);
    }
    for version in ["1.34", "1.37.2"] {
        let more = ["--kubernetes-version", version, "--dry-run"];
        world.dojo(&[&up[..], &packages, &more].concat()).ok();
    }
    let more = ["--kubernetes-version", "1.38.1", "--dry-run"];
    let said = world.dojo(&[&up[..], &packages, &more].concat());
    assert!(said.stderr.contains("1.38.1 is newer than what was tested"), "{}", said.stderr);
    said.ok();
    // Nothing has to be said: the Kubernetes project's own packages are known.
    world.dojo(&[&up[..], &["--dry-run"]].concat()).ok();
    let asked = world.dojo(&[&up[..], &["--dry-run", "-o", "json"]].concat()).ok();
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(asked["kubernetes"]["version"], "1.37");
    assert_eq!(asked["kubernetes"]["repository"], "https://pkgs.k8s.io");
    // What this computer knows is held to the same.
    let known = [("DOJO_KUBERNETES_REPOSITORY", "http://packages.example")];
    let said = world.dojo_with(&known, &[&up[..], &["--dry-run"]].concat());
    assert!(said.stderr.contains("without TLS"), "{}", said.stderr);
    let file = world.file(
        "spec.yaml",
        "apiVersion: clusterdojo/v1\nname: k8s\norchestrator: kubernetes\nmachines:\n  \
         - { role: control-plane, driver: fake }\n",
    );
    let said = world.dojo_with(&known, &["up", "-f", &file, "--dry-run"]);
    assert!(said.stderr.contains("without TLS"), "{}", said.stderr);
}

#[test]
fn a_context_of_somebody_else_is_seen_by_a_dry_run_as_well() {
    let world = World::new();
    world.dojo(&["-q", "up", "practice", "--driver", "fake"]).ok();
    // The same name, made by another home.
    let other = world.path().join("other").display().to_string();
    let fake = world.path().join("other.json").display().to_string();
    let elsewhere = [("DOJO_HOME", other.as_str()), ("DOJO_FAKE_STATE", &fake)];
    let up = ["up", "practice", "--driver", "fake"];
    let dry = world.dojo_with(&elsewhere, &[&up[..], &["--dry-run"]].concat());
    let real = world.dojo_with(&elsewhere, &up);
    assert!(dry.stderr.contains("belongs to something else"), "{}", dry.stderr);
    assert_eq!((dry.code, dry.stderr), (real.code, real.stderr));
}

#[test]
fn a_spec_file_from_elsewhere_that_names_programs_is_agreed_to_once() {
    let world = World::new();
    let config = world.file("ssh.conf", "Host *\n  ProxyCommand touch /tmp/never\n");
    let text = format!(
        "apiVersion: clusterdojo/v1\nname: practice\norchestrator: none\nmachines:\n  \
         - {{ role: machine, driver: ssh }}\nssh:\n  config: {config}\n  hosts: [{{ address: 192.0.2.1 }}]\n"
    );
    let file = world.file("spec.yaml", &text);
    // To look at it takes no agreement, for nothing of it is run.
    world.dojo(&["up", "-f", &file, "--dry-run", "-o", "yaml"]).ok();
    world.dojo(&["up", "-f", &file, "--explain"]).ok();
    let plain = ["up", "-f", &file, "--dry-run"];
    insta::assert_snapshot!(world.dojo(&plain).failure(), @r"
    exit 1
    error: spec file `/world/spec.yaml` is not from this directory and names what runs with your rights: a configuration of ssh, which can name commands (`/world/ssh.conf`)
    hint: read it first; `dojo up -f /world/spec.yaml --trust` then agrees to these contents
    ");
    // It is not reachable, but that is another matter.
    let refused = |args: &[&str]| world.dojo(args).stderr.contains("with your rights");
    fs::write(&config, "Host *\n  ProxyCommand false\n").unwrap();
    assert!(!refused(&["up", "-f", &file, "--dry-run", "--trust"]));
    assert!(!refused(&plain), "it was agreed to");
    fs::write(&config, "Host *\n  ProxyCommand false #\n").unwrap();
    assert!(refused(&plain), "what it names is another one now");

    // What lies where one works is one's own.
    let here = |directory: &std::path::Path, file: &str| {
        let said = std::process::Command::new(env!("CARGO_BIN_EXE_dojo"))
            .args(["up", "-f", file, "--dry-run"])
            .current_dir(directory)
            .env("DOJO_HOME", world.path().join("state"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(said.stderr).unwrap()
    };
    let below = world.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("spec.yaml"), &text).unwrap();
    for file in ["spec.yaml", "below/spec.yaml", "./below/../spec.yaml"] {
        let said = here(world.path(), file);
        assert!(!said.contains("with your rights"), "{file}: {said}");
    }
    std::os::unix::fs::symlink("../spec.yaml", below.join("link.yaml")).unwrap();
    for file in ["../spec.yaml", "link.yaml"] {
        let said = here(&below, file);
        assert!(said.contains("with your rights"), "{file}: {said}");
    }
}

#[cfg(feature = "ec2")]
#[test]
fn whose_credentials_were_tried_is_told_with_what_helps() {
    let world = World::new();
    let config = world.file(
        "aws",
        "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n\
         region = eu-central-1\n[sso-session corp]\nsso_region = eu-central-1\n\
         sso_start_url = https://corp.invalid/start\n[profile empty]\nregion = eu-central-1\n\
         [profile nowhere]\naws_access_key_id = A\naws_secret_access_key = B\n",
    );
    let base = [("AWS_CONFIG_FILE", config.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
    for (more, args, words) in [
        (
            vec![],
            &["--profile", "work"][..],
            vec!["single sign-on of profile `work`", "`aws sso login --profile work`"],
        ),
        (vec![("AWS_PROFILE", "work")], &[], vec!["`aws sso login --profile work`"]),
        // What was named comes before what the environment has.
        (
            vec![("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "B")],
            &["--profile", "work"],
            vec!["`aws sso login --profile work`"],
        ),
        (
            vec![],
            &["--profile", "wrok"],
            vec!["profile `wrok`, which does not exist", "there is: empty, nowhere, work"],
        ),
        (vec![], &["--profile", "empty"], vec!["tried profile `empty`", "aws configure"]),
        (vec![], &["--region", "eu-central-1"], vec!["neither the environment", "aws configure"]),
        (vec![], &["--profile", "nowhere"], vec!["no region of AWS", "AWS_REGION", "--region"]),
    ] {
        let environment = [&base[..], &more].concat();
        let args = [&["ls", "--driver", "ec2"][..], args].concat();
        let said = world.dojo_with(&environment, &args);
        assert_eq!(said.code, Some(3), "{args:?}: {}", said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "{word} of {args:?}: {}", said.stderr);
        }
        assert!(!said.stderr.contains("dispatch failure"), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn docker_s_configuration_is_not_written_if_that_might_lose_something() {
    let world = World::new();
    let path = world.path().join("docker/config.json");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let up = ["-q", "up", "practice", "--driver", "fake"];
    for (text, why) in [
        (
            &b"{\"auths\": {\"a.example\": {\"auth\": \"eDp5\"}}, \"auths\": {\"b.example\": {}}}"
                [..],
            "`auths`",
        ),
        (b"{\"auths\": {}, \"credsStore\": \"\xff\"}", "UTF-8"),
        (b"{\"auths\": {}} // mine", "follows"),
        (b"{\"auths\": {}, // mine\n}", "not valid"),
        (b"\xef\xbb\xbf{\"auths\": {}}", "not valid"),
        (b"{\"currentcontext\": \"\", \"currentContext\": \"\"}", "the same to docker"),
    ] {
        fs::write(&path, text).unwrap();
        let said = world.dojo(&up);
        assert_eq!(said.code, Some(1), "{why}: {}", said.stderr);
        assert!(said.stderr.contains(why) && said.stderr.contains("untouched"), "{}", said.stderr);
        assert_eq!(fs::read(&path).unwrap(), text, "{why}");
    }
    // Numbers, escapes and layout are the user's, too.
    let odd = "{\"a\":1.50,\n\n   \"b\" : \"\\u0041\\/\", \"c\":12345678901234567890123 }\n";
    fs::write(&path, odd).unwrap();
    world.dojo(&up).ok();
    assert!(fs::read_to_string(&path).unwrap().contains("dojo-practice"));
    world.dojo(&["-q", "down", "practice"]).ok();
    assert_eq!(fs::read_to_string(&path).unwrap(), odd);
}
