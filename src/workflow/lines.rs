//! What machines print, line by line.

/// A line that is longer is passed on in pieces of so many bytes.
const LONGEST: usize = 64 * 1024;

/// Cuts what comes in pieces into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
}

impl Lines {
    /// Takes a piece, and gives every line that is whole now, without its end.
    pub(super) fn push(&mut self, piece: &[u8], mut line: impl FnMut(&[u8])) {
        for byte in piece {
            if *byte == b'\n' || self.held.len() == LONGEST {
                line(&self.held);
                self.held.clear();
            }
            if *byte != b'\n' {
                self.held.push(*byte);
            }
        }
    }

    /// Gives what is left when nothing more comes.
    pub(super) fn end(&mut self, line: impl FnOnce(&[u8])) {
        if !self.held.is_empty() {
            line(&self.held);
            self.held.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for piece in ["on", "e\n\ntw", "o\nthree"] {
            lines.push(piece.as_bytes(), |line| seen.push(line.to_vec()));
        }
        lines.end(|line| seen.push(line.to_vec()));
        assert_eq!(seen, [b"one".to_vec(), b"".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        let (mut long, mut count) = (Lines::default(), 0);
        long.push(&vec![b'x'; 3 * LONGEST], |_| count += 1);
        long.end(|_| count += 1);
        assert_eq!(count, 3);
    }
}
