//! A driver is a folder and its lines in the registry: the toy is known everywhere, and named nowhere else.

use std::fs;

use crate::cli::World;

#[test]
fn a_driver_is_known_by_its_line_in_the_registry() {
    let world = World::new();
    let help = world.dojo(&["up", "--driver", "toy", "--help"]);
    for words in ["Toys (--driver toy)", "--box-colour <COLOUR>", "--wheels <N>", "[default: 0]"] {
        assert!(help.stdout.contains(words), "{words}: {}", help.stdout);
    }
    assert!(!help.stdout.contains("--region <REGION>"), "{}", help.stdout);
    assert!(!world.dojo(&["up", "--help"]).stdout.contains("--box-colour"));
    // Some flags are for making machines, and others also for finding them.
    let down = world.dojo(&["down", "--driver", "toy", "--help"]).stdout;
    assert!(down.contains("--box-colour") && !down.contains("--wheels"), "{down}");
}

#[test]
fn its_flags_and_its_section_are_read_and_refused_like_those_of_others() {
    let world = World::new();
    let file = world.path().join("toy.yaml");
    let spec = |options: &str| {
        let head = "apiVersion: clusterdojo/v1\nname: practice\nmachines:\n  - { role: manager, driver: toy }\n";
        fs::write(&file, format!("{head}{options}")).unwrap();
        world.dojo(&["up", "--file", file.to_str().unwrap(), "--dry-run", "--output", "json"])
    };
    let said = spec("toy: { box-colour: red }\n");
    let read: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(read["toy"], serde_json::json!({ "box-colour": "red", "wheels": 0 }));
    let flags = ["up", "--driver", "toy", "--wheels", "4", "--dry-run", "--output", "json"];
    let read: serde_json::Value = serde_json::from_str(&world.dojo(&flags).stdout).unwrap();
    assert_eq!(read["toy"], serde_json::json!({ "wheels": 4 }));
    for (options, words) in [
        ("toy:\n  box-color: red\n", "toy.yaml:6:3: unknown field `box-color`"),
        ("toy:\n  wheels: many\n", "toy.yaml:6:11:"),
        ("toy:\n  wheels: 3\n", "toy.yaml:6:3: a toy with 3 wheels falls over"),
        ("ssh: { hosts: [{ address: a }] }\n", "options for driver `ssh`, but no machines from it"),
    ] {
        let said = spec(options);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    for (args, words) in [
        (&["up", "--wheels", "4"][..], "`--wheels` is for machines of driver `toy`"),
        (&["up", "--driver", "toy", "--wheels", "4x"], "invalid digit found in string"),
        (&["up", "--driver", "toy", "--file", "toy.yaml"], "cannot be used with"),
        (&["up", "--driver", "toy", "--box-colour", "red"], "nobody makes machines of a red box"),
    ] {
        let said = world.dojo(args);
        assert!(said.code != Some(0) && said.stderr.contains(words), "{args:?}: {}", said.stderr);
    }
}
