"""Names of curve ends: none on another, none twice, away from the lines."""

from pbench.report.end_names import End, sides

WIDTH = 700.0


def test_equal_names_that_lie_together_are_written_once():
    ends = [End(40, 30, "k=1"), End(41, 32, "k=1"), End(600, 30, "k=1")]
    assert [side is None for side in sides(ends, [], WIDTH)] == [False, True, False]


def test_a_name_avoids_the_curve_that_leaves_to_the_right():
    assert sides([End(100, 100, "k=1")], [[(100, 100), (300, 100)]], WIDTH) == ["above"]
    assert sides([End(300, 100, "k=32")], [[(100, 100), (300, 100)]], WIDTH) == ["right"]


def test_a_name_at_the_border_stays_inside():
    assert sides([End(WIDTH - 10, 100, "gamma=0.5")], [], WIDTH) == ["left"]


def test_names_do_not_lie_on_each_other():
    first, second = sides([End(100, 100, "k=1"), End(102, 102, "gamma=0.9")], [], WIDTH)
    assert first == "right"
    assert second not in (None, "right")


def test_a_name_without_room_is_left_out():
    assert sides([End(5, 100, "a very long name of a setting")], [], 20.0) == [None]
