"""Charts are SVG that shows what it is given: escaped, without styles, with a table of the same numbers."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.console.pictures.bars import MAX_GROUPS, Chart, bars, stacked_bars
from cargo_ai.console.pictures.scale import short, some_of, ticks
from cargo_ai.console.pictures.sparkline import sparkline
from tests.kit.property_examples import examples

HOSTILE = "</title><script>alert(1)</script>\"'&"


def test_a_bar_is_as_high_as_its_share_of_the_axis() -> None:
    tree = ElementTree.fromstring(bars(["a", "b"], [50, 100], Chart("Credits")))

    heights = [float(rect.attrib["height"]) for rect in tree.iter("rect")]

    assert heights == [102.0, 204.0]


def test_groups_are_stacked_the_greatest_lowest() -> None:
    tree = ElementTree.fromstring(stacked_bars(["mon"], {"small": [10], "great": [30]}, Chart("Credits")))

    low, high = (rect.attrib for rect in tree.iter("rect"))

    assert low["class"] == "series-1"
    assert float(high["y"]) + float(high["height"]) == float(low["y"])
    assert [item.text or item[0].tail for item in tree.iter("li")] == ["great", "small"]


def test_many_groups_become_as_many_as_there_are_colours() -> None:
    groups = {f"w{number:02}": [float(number)] for number in range(30)}

    drawn = stacked_bars(["mon"], groups, Chart("Credits"))

    assert drawn.count("<rect") == MAX_GROUPS
    assert "23 others" in drawn


def test_the_table_beside_a_chart_has_its_numbers() -> None:
    tree = ElementTree.fromstring(stacked_bars(["mon", "tue"], {"a": [1234.5, 0], "b": [1, 2]}, Chart("Credits")))

    rows = [[cell.text for cell in row] for row in tree.iter("tr")]

    assert rows[1:] == [["mon", "1,234.50", "1"], ["tue", "0", "2"]]


def test_a_chart_says_in_words_what_it_shows() -> None:
    tree = ElementTree.fromstring(bars(["mon", "tue"], [1, 3], Chart("Credits by day", unit="credits")))

    description = next(tree.iter("desc")).text

    assert description == "mon to tue: 4 credits in all, most tue with 3."


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.text(max_size=12), max_size=6),
    st.dictionaries(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=9), st.lists(st.floats(), max_size=8), max_size=12),
)
def test_any_labels_and_numbers_make_a_chart(labels: list[str], groups: dict[str, list[float]]) -> None:
    plain = ["".join(letter for letter in label if letter.isprintable()) for label in labels]

    ElementTree.fromstring(stacked_bars(plain, groups, Chart("t", line=5, line_label="budget")))
    for values in groups.values():
        ElementTree.fromstring(sparkline(values, "t"))


def test_hostile_texts_are_texts_and_nothing_has_a_style() -> None:
    drawn = stacked_bars([HOSTILE], {HOSTILE: [1.0], "b": [1.0]}, Chart(HOSTILE, unit=HOSTILE, line=1, line_label=HOSTILE))
    drawn += sparkline([1.0], HOSTILE, HOSTILE)

    assert "<script" not in drawn
    assert "style=" not in drawn
    assert drawn.count("&lt;script") > 5


def test_ticks_are_round_and_few() -> None:
    assert ticks([97]) == [0, 20, 40, 60, 80, 100]
    assert ticks([]) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(len(ticks([10.0**power * 1.01])) <= 7 for power in range(-6, 16))


def test_numbers_are_short_on_an_axis() -> None:
    assert [short(value) for value in (0, 0.25, 950, 1200, 1_234_567, 2.5e9)] == ["0", "0.25", "950", "1.2k", "1.23M", "2.5G"]


def test_labels_are_evenly_apart() -> None:
    assert [place for place, _ in some_of([str(day) for day in range(31)])] == [0, 4, 8, 12, 16, 20, 24, 28]
