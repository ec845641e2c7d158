//! Bundles: good ones, and everything that may be handed to us instead.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use clusterdojo::bundle::{Architecture, Bundle, BundleWriter, Error, Kind};
use clusterdojo::event::chain;
use clusterdojo::model::Role;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

const BOTH: [Role; 2] = [Role::ControlPlane, Role::Worker];

struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file of so many bytes; its name tells which ones.
    fn source(&self, name: &str, size: usize) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes(name, size)).unwrap();
        path
    }

    /// A small bundle: a binary for all, an image for control planes that fills its blocks exactly, an
    /// image for workers of one byte, and a package for workers.
    fn writer(&self) -> BundleWriter {
        let binary = Kind::Binary { target: "/usr/bin/kubelet".to_owned() };
        let image = |name: &str| Kind::Image { image: format!("registry.k8s.io/{name}") };
        BundleWriter::new("v1.32.4".parse().unwrap(), Architecture::Amd64)
            .with(self.source("a", 1000), "bin/kubelet.gz", binary, BOTH)
            .with(self.source("b", 1024), "images/etcd.tar", image("etcd:3"), [Role::ControlPlane])
            .with(self.source("c", 1), "images/pause.tar", image("pause:3"), [Role::Worker])
            .with(self.source("d", 300_000), "packages/x_1.deb", Kind::Package, [Role::Worker])
    }

    fn bundle(&self) -> PathBuf {
        let path = self.path("bundle.tar");
        self.writer().write(&path).unwrap();
        path
    }

    /// A tar of our own making, for what no writer of ours would write.
    fn tar(&self, manifest: &str, members: &[(&str, &[u8])]) -> PathBuf {
        let path = self.path("made.tar");
        let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
        append(&mut tar, "manifest.json", manifest.as_bytes());
        for (name, content) in members {
            append(&mut tar, name, content);
        }
        tar.finish().unwrap();
        path
    }
}

fn append(tar: &mut tar::Builder<fs::File>, name: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    // `set_path` refuses what these tests are about.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn bytes(name: &str, size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).map(|n: u8| n ^ name.as_bytes()[0]).collect()
}

/// A manifest with one image of so many bytes, as text.
fn manifest(path: &str, size: u64) -> String {
    let sum = "0".repeat(64);
    format!(
        r#"{{"schema":1,"kubernetes":"v1.32.4","architecture":"amd64","files":[{{"path":"{path}",
        "size":{size},"sha256":"{sum}","kind":"image","image":"pause:3","roles":["worker"]}}]}}"#
    )
}

fn refusal(path: &Path) -> String {
    chain(&Bundle::open(path).unwrap_err()).replace(path.parent().unwrap().to_str().unwrap(), "")
}

fn read(bundle: &Bundle, path: &str) -> Vec<u8> {
    let file = bundle.manifest().files.iter().find(|file| file.path == path).unwrap();
    let mut bytes = Vec::new();
    bundle.reader(file).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_and_other_tools_can_read_it() {
    let world = World::new();
    let path = world.bundle();
    let bundle = Bundle::open(&path).unwrap();
    bundle.verify().unwrap();
    assert_eq!(read(&bundle, "bin/kubelet.gz"), bytes("a", 1000));
    assert_eq!(read(&bundle, "images/pause.tar"), bytes("c", 1));
    assert_eq!(read(&bundle, "packages/x_1.deb"), bytes("d", 300_000));
    let paths = |role| bundle.files_for(role).iter().map(|f| f.path.as_str()).collect::<Vec<_>>();
    assert_eq!(paths(Role::ControlPlane), ["bin/kubelet.gz", "images/etcd.tar"]);
    assert_eq!(paths(Role::Worker), ["bin/kubelet.gz", "images/pause.tar", "packages/x_1.deb"]);

    let tar = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
    assert!(tar.status.success() && tar.stderr.is_empty(), "{tar:?}");
    assert_eq!(
        String::from_utf8(tar.stdout).unwrap(),
        "manifest.json\nbin/kubelet.gz\nimages/etcd.tar\nimages/pause.tar\npackages/x_1.deb\n"
    );
}

#[test]
fn the_same_files_make_the_same_bundle_and_others_another() {
    let world = World::new();
    let (one, two) = (world.path("one.tar"), world.path("two.tar"));
    let first = world.writer().write(&one).unwrap();
    let again = world.writer().write(&two).unwrap();
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap());
    assert_eq!(first.id(), again.id());
    assert_eq!(first.id().len(), 16);
    let writer = world.writer();
    fs::write(world.path("a"), "changed").unwrap();
    assert_ne!(writer.write(&two).unwrap().id(), first.id());
}

#[test]
fn a_bundle_that_cannot_be_written_leaves_nothing() {
    let world = World::new();
    let path = world.path("bundle.tar");
    let kind = || Kind::Binary { target: "/root/x".to_owned() };
    let writer = world.writer().with(world.source("e", 5), "bin/e.gz", kind(), BOTH);
    let error = chain(&writer.write(&path).unwrap_err());
    assert!(error.contains("`/root/x` is not a clean path below /usr"), "{error}");
    let writer = world.writer().with(world.path("absent"), "e.deb", Kind::Package, BOTH);
    let error = chain(&writer.write(&path).unwrap_err());
    assert!(error.contains("absent` ") || error.contains("absent`: "), "{error}");
    // The kernel makes up another one each time that it is read.
    let restless = "/proc/sys/kernel/random/uuid";
    let writer = world.writer().with(restless, "e.deb", Kind::Package, BOTH);
    let error = chain(&writer.write(&path).unwrap_err());
    assert!(error.contains(&format!("`{restless}` was changed while it was read")), "{error}");
    let left = fs::read_dir(world.directory.path()).unwrap().map(|e| e.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.len() > 1).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_bundle_is_for_one_architecture_and_one_release() {
    let world = World::new();
    let bundle = Bundle::open(&world.bundle()).unwrap();
    let version = |text: &str| Some(text.parse().unwrap());
    bundle.fits("amd64", None).unwrap();
    bundle.fits("x86_64", version("1.32")).unwrap();
    bundle.fits("amd64", version("1.32.4")).unwrap();
    let error = bundle.fits("aarch64", None).unwrap_err().to_string();
    assert!(error.ends_with("is for amd64 machines, but this machine is aarch64"), "{error}");
    assert!(bundle.fits("riscv64", None).is_err());
    let error = bundle.fits("amd64", version("1.32.5")).unwrap_err().to_string();
    assert!(error.ends_with("holds Kubernetes 1.32.4, but 1.32.5 is asked for"), "{error}");
    assert!(bundle.fits("amd64", version("1.33")).is_err());
}

#[test]
fn a_truncated_bundle_is_refused_wherever_it_ends() {
    let world = World::new();
    let path = world.bundle();
    let whole = fs::read(&path).unwrap();
    let cut = world.path("cut.tar");
    // Every member's boundaries and a byte to each side; and some places within.
    let headers =
        (0..whole.len()).step_by(512).filter(|at| whole[at + 257..].starts_with(b"ustar"));
    let mut ends: Vec<usize> = headers.flat_map(|at| [at, at + 1, at + 511, at + 512]).collect();
    assert_eq!(ends.len(), 5 * 4);
    ends.extend((0..whole.len()).step_by(7001));
    ends.extend([whole.len() - 1, whole.len() - 511, whole.len() - 513, whole.len() - 1024]);
    for end in ends {
        fs::write(&cut, &whole[..end]).unwrap();
        match Bundle::open(&cut).unwrap_err() {
            Error::Truncated { length, expected, .. } => {
                assert_eq!(length, end as u64);
                // As long as the manifest is not whole, nobody knows how long the rest shall be.
                assert!(expected == whole.len() as u64 || end < 4096, "{end} {expected}");
            }
            Error::NotABundle { .. } => assert!(end < 512, "{end}"),
            other => panic!("cut at {end}: {}", chain(&other)),
        }
    }
    // Just after the manifest, before the zeros that fill its last block.
    let end = whole.windows(3).position(|w| w == b"]\n}").unwrap() + 3;
    fs::write(&cut, &whole[..end]).unwrap();
    let error = refusal(&cut);
    assert!(error.contains("before the end of `bin/kubelet.gz`"), "{error}");
    fs::write(&cut, &whole[..whole.len() - 100_000]).unwrap();
    let error = refusal(&cut);
    assert!(error.contains("bytes, before the end of `packages/x_1.deb`"), "{error}");
    assert!(error.contains(&format!("after {} of {}", whole.len() - 100_000, whole.len())));
}

#[test]
fn a_bit_that_was_flipped_is_noticed_wherever_it_is() {
    let world = World::new();
    let path = world.bundle();
    let whole = fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let flip = |at: usize| file.write_all_at(&[whole[at] ^ 1], at as u64).unwrap();
    let sound = || Bundle::open(&path).and_then(|bundle| bundle.verify());
    let bundle = Bundle::open(&path).unwrap();
    let begin = whole.windows(2).position(|w| w == [b'd', b'd' ^ 1]).unwrap();
    flip(begin + 299_999);
    let Error::Checksum { file: named, expected, found, .. } = bundle.verify().unwrap_err() else {
        panic!("not a checksum");
    };
    assert_eq!(named, "packages/x_1.deb");
    assert!(expected.len() == 64 && found.len() == 64 && expected != found);
    file.write_all_at(&whole[begin + 299_999..], (begin + 299_999) as u64).unwrap();
    sound().unwrap();
    // Bytes that mean nothing are not looked at: what fills a member's last block, and the parts of a
    // header that its own sum does not protect.
    let mut unnoticed = 0;
    for at in (0..whole.len()).step_by(997) {
        flip(at);
        unnoticed += usize::from(sound().is_ok());
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    assert!(unnoticed <= 5, "{unnoticed} of {} flipped bits", whole.len() / 997);
}

#[test]
fn anything_else_is_not_a_bundle() {
    let world = World::new();
    let file = |content: &[u8]| {
        let path = world.path("file");
        fs::write(&path, content).unwrap();
        path
    };
    let mut said = String::new();
    said += &(refusal(&file(b"")) + "\n");
    said += &(refusal(&file(&[0; 10240])) + "\n");
    said += &(refusal(&file("x".repeat(5000).as_bytes())) + "\n");
    said += &(refusal(&file(&[&[0x1f, 0x8b, 8, 0][..], &[7; 600]].concat())) + "\n");
    said += &(refusal(world.directory.path()) + "\n");
    said += &(refusal(&world.path("absent")) + "\n");
    let path = world.path("other.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    append(&mut tar, "README", b"hello");
    tar.finish().unwrap();
    said += &(refusal(&path) + "\n");
    said += &(refusal(&world.tar("{}", &[])) + "\n");
    said += &(refusal(&world.tar("not json", &[])) + "\n");
    said += &(refusal(&world.tar(r#"{"schema":7}"#, &[])) + "\n");
    let text = said.replace(world.directory.path().parent().unwrap().to_str().unwrap(), "");
    insta::with_settings!({ filters => [(r"/?\.tmp\w+", "/directory")] }, {
        insta::assert_snapshot!(text, @r"
    `/file` is not a bundle: it is not a tar archive
    `/file` is not a bundle: it is not a tar archive
    `/file` is not a bundle: it is not a tar archive
    `/file` is not a bundle: it is compressed as a whole; unpack it with gunzip
    `/directory` is not a bundle: it is a directory, not a file
    cannot open `/absent`: No such file or directory (os error 2)
    `/other.tar` is not a bundle: it begins with `README` instead of `manifest.json`
    bundle `/made.tar` is malformed: manifest: missing field `schema` at line 1 column 2
    bundle `/made.tar` is malformed: manifest: expected ident at line 1 column 2
    bundle `/made.tar` has schema 7, and this program knows up to 1
    ");
    });
}

#[test]
fn members_must_be_those_of_the_manifest() {
    let world = World::new();
    let good = ("images/x.tar", &b"12345"[..]);
    let text = manifest("images/x.tar", 5);
    Bundle::open(&world.tar(&text, &[good])).unwrap();
    let mut said = String::new();
    said += &(refusal(&world.tar(&text, &[("images/y.tar", b"12345")])) + "\n");
    said += &(refusal(&world.tar(&text, &[("images/x.tar", b"123456")])) + "\n");
    said += &(refusal(&world.tar(&text, &[good, good])) + "\n");
    said += &(refusal(&world.tar(&text, &[good, ("../../etc/passwd", b"x")])) + "\n");
    said += &(refusal(&world.tar(&text, &[("manifest.json", b"12345"), good])) + "\n");
    let outside = world.tar(&manifest("../../etc/passwd", 5), &[("../../etc/passwd", b"12345")]);
    said += &(refusal(&outside) + "\n");
    said += &(refusal(&world.tar(&manifest("images/x.tar", u64::MAX), &[good])) + "\n");
    said += &(refusal(&world.tar(&manifest("images/x.tar", 1 << 62), &[good])) + "\n");
    said += &(refusal(&world.tar(&text, &[])) + "\n");

    let path = world.tar(&text, &[good]);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[0; 9216]).unwrap();
    Bundle::open(&path).expect("GNU tar fills its last record");
    file.write_all(b"more").unwrap();
    said += &(refusal(&path) + "\n");
    file.set_len(1 << 40).unwrap();
    said += &(refusal(&path) + "\n");
    insta::assert_snapshot!(said, @r"
    bundle `/made.tar` is malformed: `images/y.tar` is where `images/x.tar` must be
    bundle `/made.tar` is malformed: `images/x.tar` has 6 bytes instead of 5
    bundle `/made.tar` is malformed: `images/x.tar` is in it, and its manifest does not say so
    bundle `/made.tar` is malformed: `../../etc/passwd` is in it, and its manifest does not say so
    bundle `/made.tar` is malformed: `manifest.json` is where `images/x.tar` must be
    bundle `/made.tar` is malformed: manifest: file `../../etc/passwd`: not a clean relative path of at most 100 characters
    bundle `/made.tar` is malformed: manifest: no file can be that large
    bundle `/made.tar` is truncated: it ends after 3072 of 4611686018427390464 bytes, before the end of `images/x.tar`
    bundle `/made.tar` is truncated: it ends after 2048 of 3072 bytes, after its last file
    bundle `/made.tar` is malformed: something follows its end
    bundle `/made.tar` is malformed: something follows its end
    ");
}

#[test]
fn a_link_in_the_place_of_a_file_is_refused() {
    let world = World::new();
    let path = world.path("made.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    append(&mut tar, "manifest.json", manifest("images/x.tar", 5).as_bytes());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "images/x.tar", "/etc/shadow").unwrap();
    append(&mut tar, "images/x.tar", b"12345");
    tar.finish().unwrap();
    drop(tar);
    let error = refusal(&path);
    assert!(error.contains("`images/x.tar`, where `images/x.tar` must be, is not a plain file"));
}

#[test]
fn a_verified_bundle_is_not_verified_again_until_it_changes() {
    let world = World::new();
    let path = world.bundle();
    let stamps = world.path("stamps");
    let once = || Bundle::open(&path).unwrap().verify_once(&stamps);
    // A file that was written a moment ago might be written once more within the same tick.
    assert!(once().unwrap());
    assert!(once().unwrap(), "a file this young must not be trusted");
    std::thread::sleep(std::time::Duration::from_millis(3100));
    assert!(once().unwrap());
    assert!(!once().unwrap());

    // A change that leaves size and modification time as they were.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"?", file.metadata().unwrap().len() - 2000).unwrap();
    file.set_modified(modified).unwrap();
    assert!(matches!(once(), Err(Error::Checksum { .. })));
    assert!(matches!(once(), Err(Error::Checksum { .. })));
}

#[tokio::test]
async fn an_archive_holds_what_a_role_needs() {
    let world = World::new();
    let bundle = Bundle::open(&world.bundle()).unwrap();
    let mut archive = bundle.archive(&bundle.files_for(Role::Worker)).unwrap();
    let length = archive.length();
    let mut all = Vec::new();
    archive.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len() as u64, length);
    let mut entries = Vec::new();
    for entry in tar::Archive::new(&all[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.mode().unwrap()), (0, 0o644));
        entries.push((entry.path().unwrap().display().to_string(), content));
    }
    let expected = [
        ("bin/kubelet.gz", bytes("a", 1000)),
        ("images/pause.tar", bytes("c", 1)),
        ("packages/x_1.deb", bytes("d", 300_000)),
    ];
    assert!(entries == expected.map(|(path, content)| (path.to_owned(), content)));
}

#[tokio::test]
async fn an_archive_of_a_bundle_that_shrinks_meanwhile_is_an_error() {
    let world = World::new();
    let path = world.bundle();
    let bundle = Bundle::open(&path).unwrap();
    let mut archive = bundle.archive(&bundle.files_for(Role::Worker)).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(10_000).unwrap();
    let error = archive.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}
