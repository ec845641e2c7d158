//! The words around what is shown, in each language.

use std::time::Duration;

use crate::model::Language;

use super::view::{Sign, View};

/// The words of one language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) look: &'static str,
    pub(super) files: &'static str,
    pub(super) time_left: &'static str,
    pub(super) predicted: &'static str,
    pub(super) right: &'static str,
    pub(super) wrong: &'static str,
    pub(super) happenings: &'static str,
    pub(super) nothing_yet: &'static str,
    pub(super) machines: &'static str,
    pub(super) passed: &'static str,
    pub(super) is_passed: &'static str,
    pub(super) lost: &'static str,
    pub(super) is_lost: &'static str,
    pub(super) cannot_tell: &'static str,
    pub(super) above: &'static str,
    pub(super) below: &'static str,
    pub(super) close: &'static str,
    pub(super) scroll: &'static str,
    pub(super) arrows: &'static str,
    pub(super) choose: &'static str,
    pub(super) mark: &'static str,
    pub(super) confirm: &'static str,
    pub(super) hint: &'static str,
    pub(super) text: &'static str,
    pub(super) check: &'static str,
    pub(super) solve: &'static str,
    pub(super) reset: &'static str,
    pub(super) list: &'static str,
    pub(super) next: &'static str,
    pub(super) quit: &'static str,
}

/// The words of this language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &ENGLISH,
        Language::Ko => &KOREAN,
    }
}

const ENGLISH: Words = Words {
    look: "Look",
    files: "Files",
    time_left: "May take",
    predicted: "You predicted",
    right: "right",
    wrong: "it was",
    happenings: "What happens",
    nothing_yet: "Nothing yet.",
    machines: "Machines",
    passed: "Passed. Press n for the next step.",
    is_passed: "This step is passed.",
    is_lost: "This step cannot be passed any more.",
    lost: "This step cannot be passed any more. Press x to begin the lesson again.",
    cannot_tell: "Some of it cannot be checked now. That does not count against you.",
    above: "↑ more",
    below: "↓ more",
    close: "Esc close",
    scroll: "↑↓ scroll",
    arrows: "↑↓ move",
    choose: "Enter choose",
    mark: "Space mark",
    confirm: "Enter done",
    hint: "hint",
    text: "text",
    check: "check",
    solve: "solve",
    reset: "reset",
    list: "list",
    next: "next",
    quit: "quit",
};

const KOREAN: Words = Words {
    look: "살펴볼 명령",
    files: "파일",
    time_left: "앞으로 최대",
    predicted: "내 예상",
    right: "맞음",
    wrong: "결과",
    happenings: "일어난 일",
    nothing_yet: "아직 없습니다.",
    machines: "머신",
    passed: "통과했습니다. n을 누르면 다음 단계로 갑니다.",
    is_passed: "이 단계를 통과했습니다.",
    is_lost: "이 단계는 더 이상 통과할 수 없습니다.",
    lost: "이 단계는 더 이상 통과할 수 없습니다. x를 누르면 과정을 처음부터 다시 시작합니다.",
    cannot_tell: "지금은 확인할 수 없는 항목이 있습니다. 오답으로 처리되지 않습니다.",
    above: "↑ 더 있음",
    below: "↓ 더 있음",
    close: "Esc 닫기",
    scroll: "↑↓ 스크롤",
    arrows: "↑↓ 이동",
    choose: "Enter 선택",
    mark: "Space 표시",
    confirm: "Enter 완료",
    hint: "힌트",
    text: "본문",
    check: "확인",
    solve: "풀이",
    reset: "초기화",
    list: "목록",
    next: "다음",
    quit: "종료",
};

/// Which step it is; shortly, where there is little room.
pub(super) fn step(view: &View, short: bool) -> String {
    let (step, of) = (view.step, view.of);
    match view.language {
        _ if short => format!("{step}/{of}"),
        Language::En => format!("step {step} of {of}"),
        Language::Ko => format!("{of}단계 중 {step}단계"),
    }
}

/// How long that is.
pub(super) fn time(time: Duration, language: Language) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    match (language, minutes) {
        (Language::En, 0) => format!("{seconds} s"),
        (Language::En, _) => format!("{minutes} min {seconds:02} s"),
        (Language::Ko, 0) => format!("{seconds}초"),
        (Language::Ko, _) => format!("{minutes}분 {seconds:02}초"),
    }
}

/// How many machines are not shown.
pub(super) fn more_machines(number: usize, language: Language) -> String {
    match language {
        Language::En => format!("+{number} more"),
        Language::Ko => format!("+{number}대 더"),
    }
}

/// Says that there is too little room.
pub(super) fn too_small(columns: u16, rows: u16, language: Language) -> String {
    match language {
        Language::En => format!("terminal too small: at least {columns}×{rows}"),
        Language::Ko => format!("터미널이 너무 작습니다. {columns}×{rows} 이상이어야 합니다."),
    }
}

/// How it stands, in a word, where signs cannot be seen.
pub(super) fn said(sign: Sign, language: Language) -> &'static str {
    let (english, korean) = match sign {
        Sign::Passed => ("passed", "통과"),
        Sign::NotYet => ("not yet", "아직"),
        Sign::Unmet => ("not met", "미충족"),
        Sign::Lost => ("lost", "불가능"),
        Sign::CannotTell => ("cannot tell", "확인할 수 없음"),
        Sign::Waiting => ("waiting", "대기"),
    };
    match language {
        Language::En => english,
        Language::Ko => korean,
    }
}
