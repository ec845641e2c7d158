//! The full screen of a lesson: what stands where, in which size and language; and what it leaves behind in a terminal.

mod moments;
mod terminal;

use clusterdojo::model::Language;
use clusterdojo::report::screen::{Place, View, draw, plain};
use ratatui_core::backend::TestBackend;
use ratatui_core::style::Color;
use ratatui_core::terminal::Terminal;

use self::moments::{
    asked, cannot_tell, hinted, in_korean, listed, lost, many_machines, met_by_half, passed,
    started,
};

/// A view on a screen of this size.
fn drawn(view: &View, size: (u16, u16), place: Place) -> (Terminal<TestBackend>, Place) {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let mut shown = place;
    terminal.draw(|frame| shown = draw(frame, view, place, true)).unwrap();
    (terminal, shown)
}

/// What stands there, each row without the spaces at its end.
fn rows(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let row = |y| {
        let mut text = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            // A wide character has the next cell too.
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
        }
        text.trim_end().to_owned()
    };
    (0..buffer.area.height).map(row).collect::<Vec<_>>().join("\n")
}

fn text(view: &View, size: (u16, u16)) -> String {
    rows(&drawn(view, size, Place::default()).0)
}

macro_rules! looks {
    ($($name:ident: $view:expr, $size:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(text(&$view, $size));
        }
    )*};
}

const USUAL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const SMALL: (u16, u16) = (40, 20);

looks! {
    start_of_a_step: started(), USUAL;
    start_of_a_step_on_a_large_screen: started(), LARGE;
    start_of_a_step_on_a_small_screen: started(), SMALL;
    half_of_it_is_met: met_by_half(), USUAL;
    half_of_it_is_met_on_a_large_screen: met_by_half(), LARGE;
    half_of_it_is_met_on_a_small_screen: met_by_half(), SMALL;
    passed_and_the_next_may_begin: passed(), USUAL;
    passed_on_a_large_screen: passed(), LARGE;
    passed_on_a_small_screen: passed(), SMALL;
    it_cannot_be_passed_any_more: lost(), USUAL;
    it_cannot_be_passed_any_more_on_a_small_screen: lost(), SMALL;
    some_of_it_cannot_be_told: cannot_tell(), USUAL;
    a_hint: hinted(), USUAL;
    a_hint_beside_the_step: hinted(), LARGE;
    a_hint_on_a_small_screen: hinted(), SMALL;
    a_question: asked(), USUAL;
    a_question_on_a_small_screen: asked(), SMALL;
    many_machines_fold: many_machines(), USUAL;
    many_machines_on_a_large_screen: many_machines(), LARGE;
    korean: in_korean(met_by_half()), USUAL;
    korean_beside_a_hint: in_korean(hinted()), LARGE;
    korean_on_a_small_screen: in_korean(met_by_half()), SMALL;
    a_screen_that_is_too_small: started(), (30, 8);
}

#[test]
fn nothing_is_drawn_beyond_any_size() {
    for view in [started(), hinted(), asked(), listed(), in_korean(many_machines())] {
        for columns in (0..140).step_by(3) {
            for rows in (0..50).step_by(3) {
                drawn(
                    &view,
                    (columns, rows),
                    Place { scroll: 7, cursor: 40, follows: true, page: 0 },
                );
            }
        }
    }
}

#[test]
fn borders_stand_below_each_other_beside_wide_characters() {
    let (terminal, _) = drawn(&in_korean(hinted()), LARGE, Place::default());
    let buffer = terminal.backend().buffer();
    let right = LARGE.0 - 2;
    let bottom = (0..LARGE.1).rev().find(|y| buffer[(right, *y)].symbol() == "╯").unwrap();
    assert!(bottom > 30, "{bottom}");
    for y in 3..bottom {
        assert_eq!(buffer[(right, y)].symbol(), "│", "row {y}");
    }
}

#[test]
fn without_colours_signs_and_weight_stay() {
    let mut terminal = Terminal::new(TestBackend::new(USUAL.0, USUAL.1)).unwrap();
    terminal.draw(|frame| _ = draw(frame, &passed(), Place::default(), false)).unwrap();
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let (coloured, _) = drawn(&passed(), USUAL, Place::default());
    let with = &coloured.backend().buffer().content;
    assert!(with.iter().any(|cell| cell.fg == Color::Green));
    let weights = cells.iter().zip(with).filter(|(one, other)| one.modifier == other.modifier);
    assert!(weights.count() > cells.len() * 9 / 10);
    assert!(rows(&terminal).contains("✓ Passed."));
}

#[test]
fn next_looks_as_if_it_worked_only_where_it_does() {
    let of_n = |view: &View| {
        let (terminal, _) = drawn(view, USUAL, Place::default());
        let buffer = terminal.backend().buffer();
        let row = |y| (0..USUAL.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let y = USUAL.1 - 1;
        let x = row(y).find("n next").unwrap();
        buffer[(u16::try_from(x).unwrap(), y)].modifier
    };
    assert_ne!(of_n(&started()), of_n(&passed()));
}

#[test]
fn what_is_too_long_is_scrolled_to_and_says_so() {
    let view = View { look: Some("docker service ps".to_owned()), ..met_by_half() };
    let view = View { goal: "One more sentence of the goal. ".repeat(40), ..view };
    let (first, at) = drawn(&view, USUAL, Place::default());
    assert!(rows(&first).contains("↓ more") && !rows(&first).contains("Look"));
    let (last, end) = drawn(&view, USUAL, Place { scroll: usize::MAX / 2, ..at });
    assert!(rows(&last).contains("↑ more") && rows(&last).contains("Look"), "{}", rows(&last));
    assert!(!rows(&last).contains("↓ more"));
    assert!(end.scroll > 0 && end.scroll < 60, "the place is one that there is: {}", end.scroll);
}

#[test]
fn a_list_follows_the_cursor() {
    let at = |cursor| Place { cursor, follows: true, ..Place::default() };
    let (terminal, _) = drawn(&listed(), USUAL, at(29));
    assert!(rows(&terminal).contains("› swarm/lesson-30"), "{}", rows(&terminal));
    let (terminal, _) = drawn(&listed(), USUAL, at(0));
    assert!(rows(&terminal).contains("› swarm/lesson-1 "), "{}", rows(&terminal));
}

#[test]
fn lines_tell_only_what_is_new() {
    let mut told = Vec::new();
    let mut before = None;
    for view in [started(), met_by_half(), met_by_half(), passed(), hinted(), asked()] {
        told.extend(plain(&view, before.as_ref()));
        told.push("--".to_owned());
        before = Some(view);
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn lines_are_in_the_learners_language() {
    let view = View { language: Language::Ko, ..passed() };
    let told = plain(&view, None);
    assert!(told[0].ends_with("4단계 중 3단계: Too slow"), "{told:?}");
    assert!(told.contains(&"이 단계를 통과했습니다.".to_owned()), "{told:?}");
}

#[test]
fn lines_tell_happenings_once_though_old_ones_are_forgotten() {
    let before = met_by_half();
    let mut view = before.clone();
    view.happenings.remove(0);
    let mut new = view.happenings[0].clone();
    new.at = "14:05:00".to_owned();
    view.happenings.push(new);
    assert_eq!(plain(&view, Some(&before)), ["14:05:00 worker-1 lab_web.2 unhealthy"]);
}
