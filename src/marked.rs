//! What a script prints, told apart from what else comes on its standard output and error: a login shell
//! reads start-up files before it runs a command, and they print what they like.

/// What the marks begin with; a random number follows, so that nobody prints one by chance or by intent.
const SHELL: &str = "clusterdojo-shell-";
const BEGIN: &str = "clusterdojo-begin-";
const END: &str = "clusterdojo-end-";
/// How much is kept of what comes ahead, in bytes: enough to see what it was.
const KEPT: usize = 4096;

/// The marks around what one script prints.
#[derive(Debug, Clone)]
pub struct Marks {
    id: String,
}

impl Marks {
    /// Marks that nobody else knows.
    pub fn random() -> Self {
        Self { id: format!("{:032x}", rand::random::<u128>()) }
    }

    /// A shell command that says that a shell has been reached, before anything else is tried in it.
    pub fn shell(&self) -> String {
        self.print(SHELL)
    }

    /// Whether a text tells of that.
    pub fn shell_reached(&self, text: &[u8]) -> bool {
        Mark::new(&format!("{SHELL}{}", self.id)).find(text).is_some()
    }

    /// The script between its marks, as one command (POSIX.1-2024, Shell Command Language, 2.9.4.1). A shell
    /// reads all of it before it runs any of it: a connection that breaks on the way runs nothing, and a
    /// command that reads its standard input finds it empty instead of eating the script. The status is that
    /// of the script. Without the last byte it is no command.
    pub fn around(&self, script: &str) -> String {
        let (begin, end) = (self.print(BEGIN), self.print(END));
        format!(
            "{{\n{begin}; {begin} >&2\n(\n{script}\n) </dev/null\n\
             s=$?; {end}; {end} >&2; exit $s\n}}"
        )
    }

    /// Finds on one of the streams what the script prints there.
    pub fn stream(&self) -> Marked {
        // The line ends with the mark, and the script's first line is the next one.
        let begin = Mark::new(&format!("{BEGIN}{}\n", self.id));
        let end = Mark::new(&format!("{END}{}", self.id));
        Marked { begin, end, held: Vec::new(), place: Place::Ahead }
    }

    /// A mark is printed from two halves: a shell that is told to show its commands does not print it.
    fn print(&self, kind: &str) -> String {
        format!("printf \"%s%s\\n\" {kind} {}", self.id)
    }
}

/// One of the streams of a script, as it comes.
#[derive(Debug)]
pub struct Marked {
    begin: Mark,
    end: Mark,
    held: Vec<u8>,
    place: Place,
}

/// Where in the stream we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ahead,
    Within,
    Behind,
}

impl Marked {
    /// Takes what has come, and returns what of it the script has printed. A few bytes may be held back
    /// until it is clear that they are not the mark.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.place == Place::Behind {
            return Vec::new();
        }
        self.held.extend_from_slice(bytes);
        if self.place == Place::Ahead {
            let Some(at) = self.begin.find(&self.held) else {
                let surplus = self.held.len().saturating_sub(KEPT);
                self.held.drain(..surplus);
                return Vec::new();
            };
            self.held.drain(..at + self.begin.text.len());
            self.place = Place::Within;
        }
        if let Some(at) = self.end.find(&self.held) {
            self.place = Place::Behind;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let held = self.held.split_off(self.held.len() - self.may_be_end());
        std::mem::replace(&mut self.held, held)
    }

    /// Whether the script has begun.
    pub fn has_begun(&self) -> bool {
        self.place != Place::Ahead
    }

    /// What was still held back of the script's own, once nothing more comes.
    pub fn rest(&mut self) -> Vec<u8> {
        if self.has_begun() { std::mem::take(&mut self.held) } else { Vec::new() }
    }

    /// The last of what has come so far of a script that has not begun.
    pub fn ahead(&self) -> &[u8] {
        if self.has_begun() { &[] } else { &self.held }
    }

    /// How many of the last bytes the mark may begin with.
    fn may_be_end(&self) -> usize {
        let longest = self.held.len().min(self.end.text.len() - 1);
        (0..=longest).rev().find(|n| self.held.ends_with(&self.end.text[..*n])).unwrap_or(0)
    }
}

/// A text that is looked for in much else. Few of the bytes are looked at (R. N. Horspool, "Practical fast
/// searching in strings", 1980): whole images of containers go through here.
#[derive(Debug)]
struct Mark {
    text: Vec<u8>,
    /// How far to go on if this byte stands where the last one should.
    steps: [usize; 256],
}

impl Mark {
    fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let mut steps = [text.len(); 256];
        for (index, byte) in text.iter().enumerate().take(text.len() - 1) {
            steps[usize::from(*byte)] = text.len() - 1 - index;
        }
        Self { text, steps }
    }

    fn find(&self, within: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(window) = within.get(at..at + self.text.len()) {
            if window == self.text {
                return Some(at);
            }
            at += self.steps[usize::from(window[window.len() - 1])];
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What the streams of a script hold, of which so many bytes come at once.
    fn read(marks: &Marks, bytes: &[u8], piece: usize) -> (bool, String) {
        let mut stream = marks.stream();
        let mut text: Vec<u8> = bytes.chunks(piece).flat_map(|piece| stream.push(piece)).collect();
        text.extend(stream.rest());
        (stream.has_begun(), String::from_utf8(text).unwrap())
    }

    fn run(around: &str) -> std::process::Output {
        Command::new("sh").args(["-c", around]).output().unwrap()
    }

    #[test]
    fn only_what_is_between_the_marks_is_the_scripts() {
        let marks = Marks::random();
        let script = marks.around("echo one\nprintf two; echo wrong >&2; exit 7");
        let noisy = format!(
            "set -x\necho hi\necho noise >&2\nprintf 'no end'\ntrap 'echo bye; echo bye >&2' EXIT\n{script}\n"
        );
        let output = run(&noisy);
        assert_eq!(output.status.code(), Some(7));
        for piece in [1, 2, 7, 10_000] {
            assert_eq!(read(&marks, &output.stdout, piece), (true, "one\ntwo".to_owned()));
            let (begun, stderr) = read(&marks, &output.stderr, piece);
            assert!(begun && stderr.contains("wrong\n"), "{stderr}");
            assert!(!stderr.contains("noise") && !stderr.contains("bye"), "{stderr}");
        }
    }

    #[test]
    fn commands_that_a_shell_shows_are_no_marks() {
        let marks = Marks::random();
        let script = marks.around("echo inside");
        let shown = format!("{}\n{script}\n", marks.shell());
        assert_eq!(read(&marks, shown.as_bytes(), 100), (false, String::new()));
        assert!(!marks.shell_reached(shown.as_bytes()));
        assert!(marks.shell_reached(&run(&shown).stdout));
        // Others' marks are not ours.
        assert!(!read(&marks, &run(&Marks::random().around("true")).stdout, 100).0);
    }

    #[test]
    fn much_ahead_is_not_kept_and_hides_nothing() {
        let marks = Marks::random();
        let mut stream = marks.stream();
        for _ in 0..1000 {
            assert_eq!(stream.push(&[b'x'; 1000]), b"");
        }
        assert!(stream.ahead().len() <= KEPT);
        assert_eq!(stream.push(&run(&marks.around("echo it")).stdout), b"it\n");
        assert_eq!(stream.push(b"more"), b"");
    }

    #[test]
    fn an_output_that_breaks_off_is_all_there() {
        let marks = Marks::random();
        let output = run(&marks.around("printf 'a clusterdojo-end'")).stdout;
        let cut = output.len() - END.len() - 32 - 1;
        assert_eq!(read(&marks, &output[..cut], 3), (true, "a clusterdojo-end".to_owned()));
    }

    #[test]
    fn half_a_script_runs_nothing() {
        let script = Marks::random().around("echo one\nfalse");
        for length in 1..script.len() {
            let output = run(&script[..length]);
            assert_eq!(output.stdout, b"", "{:?}", &script[..length]);
            assert!(!output.status.success());
        }
        assert_eq!(run(&script).status.code(), Some(1));
    }
}
