//! What `dojo lesson` says of its own, in each language.

use crate::model::Language;

/// A sentence or a word, in each language.
#[derive(Clone, Copy)]
pub(super) struct Words(&'static str, &'static str);

impl Words {
    pub(super) fn of(self, language: Language) -> &'static str {
        match language {
            Language::En => self.0,
            Language::Ko => self.1,
        }
    }
}

pub(super) const STEP: Words = Words("step", "단계");
pub(super) const WHY: Words = Words("Why", "이유");
pub(super) const QUESTION: Words = Words("First guess", "먼저 예상해 보세요");
pub(super) const HINT: Words = Words("hint", "힌트");
pub(super) const FILES: Words = Words("Your files are in", "파일 위치");
pub(super) const PASSED: Words = Words("passed", "통과");
pub(super) const NOT_YET: Words = Words("not yet", "아직");
pub(super) const LOST: Words = Words("lost", "되돌릴 수 없음");
pub(super) const CANNOT_TELL: Words = Words("cannot tell", "확인할 수 없음");
pub(super) const LOOK: Words = Words("look", "살펴볼 명령");
pub(super) const PREDICTED: Words = Words("you predicted", "내 예상");
pub(super) const RIGHT: Words = Words("right", "맞음");
pub(super) const IT_WAS: Words = Words("it was", "실제");
pub(super) const NO_MORE_HINTS: Words = Words(
    "There are no more hints. `dojo lesson solve --show` prints the solution.",
    "더 이상 힌트가 없습니다. `dojo lesson solve --show`가 풀이를 보여 줍니다.",
);
pub(super) const NO_HINTS_YET: Words = Words(
    "There is no hint for how it stands now. `dojo lesson solve --show` prints the solution.",
    "지금 상태에 맞는 힌트가 없습니다. `dojo lesson solve --show`가 풀이를 보여 줍니다.",
);
pub(super) const HOW_TO_CHECK: Words = Words("tell how it stands", "지금 상태를 확인합니다");
pub(super) const HOW_TO_WATCH: Words =
    Words("watch, in a second terminal", "다른 터미널에서 지켜봅니다");
pub(super) const HOW_TO_HINT: Words = Words("a hint, if you are stuck", "막히면 힌트를 봅니다");
pub(super) const HOW_TO_ANSWER: Words = Words("answer the question", "질문에 답합니다");
pub(super) const HOW_TO_GO_ON: Words = Words("go on", "다음으로 갑니다");
pub(super) const HOW_TO_RESET: Words = Words(
    "put the cluster back, and begin the lesson again",
    "클러스터를 되돌리고 과정을 처음부터 다시 시작합니다",
);
pub(super) const HOW_TO_LEAVE: Words =
    Words("remove the cluster, if you are done", "끝났으면 클러스터를 지웁니다");
pub(super) const NEXT_LESSON: Words = Words("the next lesson", "다음 과정");
pub(super) const NOT_PASSED: Words = Words(
    "This step is not passed yet. `c` tells what is missing.",
    "아직 통과하지 못한 단계입니다. `c`를 누르면 무엇이 빠졌는지 알려 줍니다.",
);
pub(super) const SURE_TO_SOLVE: Words = Words(
    "The commands of the solution are run for you. Do you want that?",
    "풀이의 명령을 대신 실행합니다. 실행할까요?",
);
pub(super) const SURE_TO_RESET: Words = Words(
    "The cluster is put back as it was, and the lesson begins again with its first step. Do you want that?",
    "클러스터를 처음 상태로 되돌리고 첫 단계부터 다시 시작합니다. 되돌릴까요?",
);
pub(super) const AT_WORK: Words = Words("It is being done …", "진행하고 있습니다 …");
pub(super) const KEPT: Words = Words("Your own file is kept as", "바꾼 파일을 남겨 둔 곳");
pub(super) const HOW_IT_IS: Words =
    Words("show what is wrong with the cluster", "클러스터 상태를 보여 줍니다");
pub(super) const DO_IT: Words = Words("Yes", "예");
pub(super) const LEAVE_IT: Words = Words("No", "아니요");
pub(super) const LESSON_PASSED: Words = Words(
    "That was the last step. The lesson is passed.",
    "마지막 단계였습니다. 과정을 마쳤습니다.",
);
