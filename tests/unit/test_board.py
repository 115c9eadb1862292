from pathlib import Path

from rayjobs.board import Board, Hand, Word


def test_what_a_slot_has_in_hand_is_seen_at_once(tmp_path: Path) -> None:
    board, hand = Board(tmp_path / "board"), Hand(tmp_path / "board", 42)
    assert list(board.words()) == [Word(42, None, 0, 0)]
    hand.take("b_01m85p03cqfk1adnvq3f", 10**9)
    assert list(board.words()) == [Word(42, "b_01m85p03cqfk1adnvq3f", 10**9, 0)]
    hand.done()
    hand.rest()
    assert list(board.words()) == [Word(42, None, 0, 1)]
    board.forget(42)
    assert list(board.words()) == []
