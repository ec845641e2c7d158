//! What a key means.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::place::Place;
use super::view::{Panel, View};

/// What a learner wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The next hint.
    Hint,
    /// The text of the step.
    Text,
    /// To be told now how it stands.
    Check,
    /// To have it done for them.
    Solve,
    /// To begin the step again.
    Reset,
    /// All lessons.
    List,
    /// The next step. Comes whether or not [`View::can_next`].
    Next,
    /// To leave.
    Quit,
    /// To close the panel.
    Close,
    /// This choice of the panel.
    Choose(usize),
    /// To mark this choice, or to take the mark away; where several can be chosen.
    Toggle(usize),
    /// The choices that are marked.
    Confirm,
}

/// What comes of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Something for whoever fills the view.
    Key(Key),
    /// Another place is to be shown.
    Moved(Place),
    /// All is to be drawn anew.
    Redraw,
    /// Nothing.
    Nothing,
}

/// What a key means with this on the screen.
pub(super) fn pressed(event: KeyEvent, view: &View, place: Place) -> Pressed {
    if event.kind == KeyEventKind::Release {
        return Pressed::Nothing;
    }
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return match event.code {
            KeyCode::Char('c' | 'd') => Pressed::Key(Key::Quit),
            KeyCode::Char('l') => Pressed::Redraw,
            _ => Pressed::Nothing,
        };
    }
    if let Some(panel) = &view.panel
        && let Some(pressed) = in_panel(event.code, panel, place)
    {
        return pressed;
    }
    let page = place.page.saturating_sub(1).max(1);
    let scrolled = |scroll| Pressed::Moved(Place { scroll, follows: false, ..place });
    let KeyCode::Char(letter) = event.code else {
        return match event.code {
            KeyCode::Up => scrolled(place.scroll.saturating_sub(1)),
            KeyCode::Down => scrolled(place.scroll + 1),
            KeyCode::PageUp => scrolled(place.scroll.saturating_sub(page)),
            KeyCode::PageDown => scrolled(place.scroll + page),
            KeyCode::Home => scrolled(0),
            // Drawing comes back from what there is not.
            KeyCode::End => scrolled(usize::MAX / 2),
            _ => Pressed::Nothing,
        };
    };
    match letter_of(letter) {
        'h' => Pressed::Key(Key::Hint),
        't' => Pressed::Key(Key::Text),
        'c' => Pressed::Key(Key::Check),
        's' => Pressed::Key(Key::Solve),
        'x' => Pressed::Key(Key::Reset),
        'l' => Pressed::Key(Key::List),
        'n' => Pressed::Key(Key::Next),
        'q' => Pressed::Key(Key::Quit),
        ' ' => scrolled(place.scroll + page),
        _ => Pressed::Nothing,
    }
}

/// What a key means to the panel, if anything.
fn in_panel(code: KeyCode, panel: &Panel, place: Place) -> Option<Pressed> {
    let number = panel.choices.len();
    let take = |at| if panel.several() { Key::Toggle(at) } else { Key::Choose(at) };
    let moved = |cursor| Some(Pressed::Moved(Place { cursor, follows: true, ..place }));
    let key = |key| Some(Pressed::Key(key));
    match code {
        KeyCode::Esc => key(Key::Close),
        KeyCode::Enter if number == 0 => key(Key::Close),
        KeyCode::Enter if panel.several() => key(Key::Confirm),
        KeyCode::Enter => key(Key::Choose(place.cursor)),
        KeyCode::Char(' ') if panel.several() => key(Key::Toggle(place.cursor)),
        KeyCode::Char(digit @ '1'..='9') if number <= 9 => {
            let at = digit as usize - '1' as usize;
            (at < number).then(|| Pressed::Key(take(at)))
        }
        KeyCode::Up if number > 0 => moved(place.cursor.saturating_sub(1)),
        KeyCode::Down if number > 0 => moved((place.cursor + 1).min(number - 1)),
        _ => None,
    }
}

/// The letter on the same key, where a Korean keyboard writes its own (Dubeolsik), and in small letters.
fn letter_of(typed: char) -> char {
    match typed {
        'ㅗ' => 'h',
        'ㅅ' | 'ㅆ' => 't',
        'ㅊ' => 'c',
        'ㄴ' => 's',
        'ㅌ' => 'x',
        'ㅣ' => 'l',
        'ㅜ' => 'n',
        'ㅂ' | 'ㅃ' => 'q',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::screen::view::Choice;

    fn press(code: KeyCode, view: &View, place: Place) -> Pressed {
        pressed(KeyEvent::new(code, KeyModifiers::NONE), view, place)
    }

    fn asking(chosen: Option<bool>) -> View {
        let choice = Choice { words: "restarted".to_owned(), chosen };
        let panel = Panel { choices: vec![choice; 3], ..Panel::default() };
        View { panel: Some(panel), ..View::default() }
    }

    #[test]
    fn letters_mean_the_same_on_a_korean_keyboard() {
        let view = View::default();
        for (typed, key) in
            [('h', Key::Hint), ('H', Key::Hint), ('ㅗ', Key::Hint), ('ㅂ', Key::Quit)]
        {
            assert_eq!(press(KeyCode::Char(typed), &view, Place::default()), Pressed::Key(key));
        }
    }

    #[test]
    fn one_choice_is_taken_by_its_number_or_at_the_cursor() {
        let view = asking(None);
        let place = Place { cursor: 1, ..Place::default() };
        assert_eq!(press(KeyCode::Char('3'), &view, place), Pressed::Key(Key::Choose(2)));
        assert_eq!(press(KeyCode::Char('4'), &view, place), Pressed::Nothing);
        assert_eq!(press(KeyCode::Enter, &view, place), Pressed::Key(Key::Choose(1)));
        let Pressed::Moved(place) = press(KeyCode::Down, &view, place) else { panic!("moves") };
        assert_eq!((place.cursor, place.follows), (2, true));
        assert_eq!(press(KeyCode::Down, &view, place), Pressed::Moved(place));
    }

    #[test]
    fn several_choices_are_marked_and_then_confirmed() {
        let view = asking(Some(false));
        let place = Place { cursor: 1, ..Place::default() };
        assert_eq!(press(KeyCode::Char(' '), &view, place), Pressed::Key(Key::Toggle(1)));
        assert_eq!(press(KeyCode::Char('1'), &view, place), Pressed::Key(Key::Toggle(0)));
        assert_eq!(press(KeyCode::Enter, &view, place), Pressed::Key(Key::Confirm));
        assert_eq!(press(KeyCode::Esc, &view, place), Pressed::Key(Key::Close));
    }
}
