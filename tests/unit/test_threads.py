import threading

import pytest

from zonalflow.stats.threads import read_ahead, share


def test_items_come_in_order_and_each_once():
    assert list(read_ahead(k for k in range(20))) == list(range(20))
    assert list(read_ahead(k for k in ())) == []


def test_the_next_item_is_made_ahead():
    second = threading.Event()

    def items():
        yield 1
        second.set()
        yield 2

    ahead = read_ahead(items())
    assert next(ahead) == 1
    assert second.wait(30), "made before it is asked for"
    assert list(ahead) == [2]


def test_an_error_is_raised_in_its_turn():
    def items():
        yield 1
        raise ValueError("the second is damaged")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="the second is damaged"):
        next(ahead)


def test_to_stop_early_makes_no_more_than_one_more():
    made = []

    def items():
        for k in range(10):
            made.append(k)
            yield k

    ahead = read_ahead(items())
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()
    assert made == [0, 1, 2]


@pytest.mark.parametrize("stop_early", [True, False])
def test_items_end_in_the_thread_that_they_began_in(stop_early):
    threads = []

    def items():
        try:
            threads.append(threading.get_ident())
            yield 1
            yield 2
        finally:
            threads.append(threading.get_ident())

    ahead = read_ahead(items())
    assert next(ahead) == 1
    if stop_early:
        ahead.close()
    else:
        assert list(ahead) == [2]
    assert threads[0] == threads[1] != threading.get_ident()


def test_any_number_of_workers_does_each_item_once():
    for workers in (1, 2, 5):
        done = []
        share(done.extend, range(1000), workers)
        assert sorted(done) == list(range(1000))


def test_a_workers_error_is_raised_after_all_have_ended():
    ended = []

    def work(items):
        try:
            for item in items:
                if item == 13:
                    raise ValueError("unlucky")
        finally:
            ended.append(True)

    with pytest.raises(ValueError, match="unlucky"):
        share(work, range(100), 3)
    assert len(ended) == 3
