"""A labelled set for retrieval: facts about many organisations in long texts, and questions of which each has one right chunk.

Everything comes from one seed. A question says the fact in other words than the chunk: inflected, with one word replaced, or both; each
organisation occurs in many other chunks, too, and each kind of fact in thousands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

SEED = 20_261_127
PER_FILE = 50
QUESTIONS = 300

# What is written, and how it is asked for: with the same words, inflected, and with a word that the text does not have.
_FACTS = (
    ("annual refund policy", ("annual refund policy", "policies on refunding annually", "reimbursement policy for the annual plan")),
    (
        "renewal date of the contract",
        ("renewal date of the contract", "contracts renewed on which dates", "when does the contract get extended"),
    ),
    ("number of support engineers", ("number of support engineers", "how many engineers supporting", "headcount of support staff")),
    ("primary buyer persona", ("primary buyer persona", "personas of primary buyers", "main persona who purchases")),
    ("preferred data warehouse", ("preferred data warehouse", "warehouses preferred for data", "favourite warehouse vendor")),
    ("security certification level", ("security certification level", "levels of certified security", "compliance certification tier")),
    ("average deal size", ("average deal size", "sizes of deals on average", "typical deal value")),
    ("escalation contact at night", ("escalation contact at night", "contacts for escalating nightly", "whom to contact after hours")),
    ("discount for early payment", ("discount for early payment", "discounts when paying early", "rebate for early settlement")),
    ("language of the onboarding", ("language of the onboarding", "onboarded in which languages", "language used for training newcomers")),
    ("shipping region limits", ("shipping region limits", "limited regions for shipping", "delivery region restrictions")),
    (
        "competitor named in the last call",
        ("competitor named in the last call", "competitors naming in calls", "rival mentioned in the last call"),
    ),
    ("budget owner for tooling", ("budget owner for tooling", "who owns budgets of tools", "budget holder for software")),
    ("legal entity for invoices", ("legal entity for invoices", "entities invoiced legally", "company name on the bill, legal entity")),
    ("pilot success criteria", ("pilot success criteria", "criterion for succeeding pilots", "goals of the pilot")),
    ("churn reason last quarter", ("churn reason last quarter", "reasons for churning in quarters", "why did they leave, churn reason")),
)
_WORDINGS: tuple[Literal["same", "inflected", "replaced"], ...] = ("same", "inflected", "replaced")
_SYLLABLES = (
    "ba",
    "cor",
    "del",
    "fin",
    "gra",
    "hel",
    "jo",
    "kar",
    "lum",
    "mon",
    "nex",
    "or",
    "pra",
    "qui",
    "ros",
    "sil",
    "tor",
    "ul",
    "ven",
    "zan",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the place of the only chunk that answers it. wording: how its words differ from those of the chunk.

    part: questions about one half of the kinds of facts may decide how the search is set, those about the other half are only measured.
    """

    text: str
    chunk: int
    wording: Literal["same", "inflected", "replaced"]
    part: Literal["tuning", "heldOut"]


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Texts of chunks in order, and questions about them."""

    texts: list[str]
    questions: list[Question]


def make(count: int) -> LabelledSet:
    """A set of this many chunks."""
    dice = random.Random(SEED)
    filler = _Filler(dice)
    organisations = [f"{_name(dice)} {_name(dice)}".title() for _ in range(max(count // 20, 4))]
    pairs = [(organisation, fact) for organisation in range(len(organisations)) for fact in range(len(_FACTS))]
    dice.shuffle(pairs)
    pairs = pairs[: count // 2]
    texts = [_text(dice, filler, organisations, pair) for pair in pairs]
    texts += [_text(dice, filler, organisations, None) for _ in range(count - len(texts))]
    order = list(range(count))
    dice.shuffle(order)
    places = {before: after for after, before in enumerate(order)}
    asked = dice.sample(range(len(pairs)), min(QUESTIONS, len(pairs)))
    questions = [_question(dice, organisations[pairs[at][0]], pairs[at][1], places[at]) for at in asked]
    return LabelledSet([texts[at] for at in order], questions)


def _question(dice: random.Random, organisation: str, fact: int, chunk: int) -> Question:
    kind = dice.randrange(3)
    wording = _FACTS[fact][1][kind]
    name = organisation if dice.random() < 0.8 else organisation.split()[dice.randrange(2)]
    text = dice.choice((f"What is the {wording} at {name}?", f"{name}: {wording}", f"Please tell me about {wording} for {name}"))
    return Question(text, chunk, _WORDINGS[kind], "heldOut" if fact % 2 else "tuning")


def _text(dice: random.Random, filler: _Filler, organisations: list[str], pair: tuple[int, int] | None) -> str:
    sentences = [filler.sentence() for _ in range(dice.randint(2, 5))]
    # Others are mentioned, and facts of no one in particular.
    sentences += [f"{dice.choice(organisations)} {filler.sentence().lower()}" for _ in range(dice.randint(0, 2))]
    sentences += [f"The {dice.choice(_FACTS)[0]} {filler.sentence().lower()}" for _ in range(dice.randint(0, 2))]
    if pair is not None:
        sentences.append(f"For {organisations[pair[0]]} the {_FACTS[pair[1]][0]} is {filler.word()} {dice.randint(2, 900)}.")
    dice.shuffle(sentences)
    return " ".join(sentences)


def _name(dice: random.Random) -> str:
    return "".join(dice.choice(_SYLLABLES) for _ in range(3))


class _Filler:
    """Sentences of words that are as unevenly frequent as those of a language."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        plain = [word for wording, others in _FACTS for text in (wording, *others) for word in text.replace(",", "").split()]
        made = ["".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(1, 4))) for _ in range(20_000)]
        self._words = list(dict.fromkeys([*made[:40], *plain, *made[40:]]))
        self._weights = list(self._summed())

    def _summed(self) -> Iterator[float]:
        total = 0.0
        for rank in range(1, len(self._words) + 1):
            total += 1 / (rank + 2.7)
            yield total

    def word(self) -> str:
        """A word."""
        return self._dice.choices(self._words, cum_weights=self._weights)[0]

    def sentence(self) -> str:
        """A sentence of them."""
        words = self._dice.choices(self._words, cum_weights=self._weights, k=self._dice.randint(6, 12))
        return " ".join(words).capitalize() + "."
