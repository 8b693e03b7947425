"""Who goes on, and when: short stories with numbers that can be followed by hand."""

from smtune.strategies.multifidelity import AsynchronousHalving, Hyperband, Promotion, hyperband_brackets


def admitted(scheduler, numbers):
    return [scheduler.admit(number) for number in numbers]


def record(scheduler, losses, *, goes_on=True):
    for number, loss in losses.items():
        scheduler.record(number, loss, goes_on=goes_on)


def promotions(scheduler):
    found = []
    while (promotion := scheduler.promote()) is not None:
        found.append((promotion.number, promotion.resource))
    return found


class TestHyperband:
    """Brackets of (9, 1) (3, 3) (1, 9), then (5, 3) (1, 9), then (3, 9)."""

    @staticmethod
    def make(least=1, most=9, eta=3):
        return Hyperband(hyperband_brackets(least, most, eta), eta=eta)

    def test_a_rung_waits_for_all_of_its_trials(self):
        scheduler = self.make()
        assert admitted(scheduler, range(9)) == [1] * 9
        record(scheduler, {number: number / 10 for number in range(8)})
        assert promotions(scheduler) == []
        record(scheduler, {8: 0.05})
        assert promotions(scheduler) == [(0, 3), (8, 3), (1, 3)]
        record(scheduler, {0: 0.3, 1: 0.2})
        assert promotions(scheduler) == []
        record(scheduler, {8: 0.4})
        assert promotions(scheduler) == [(1, 9)]
        record(scheduler, {1: 0.1}, goes_on=False)
        assert promotions(scheduler) == []

    def test_of_equals_the_oldest_goes_on(self):
        scheduler = self.make()
        admitted(scheduler, range(9))
        record(scheduler, dict.fromkeys(reversed(range(9)), 0.5))
        assert promotions(scheduler) == [(0, 3), (1, 3), (2, 3)]

    def test_failed_trials_never_go_on(self):
        scheduler = self.make()
        admitted(scheduler, range(9))
        record(scheduler, dict.fromkeys(range(7), None), goes_on=False)
        record(scheduler, {7: 0.9, 8: 0.8})
        assert promotions(scheduler) == [(8, 3), (7, 3)]
        record(scheduler, {8: None}, goes_on=False)
        record(scheduler, {7: 0.9})
        assert promotions(scheduler) == [(7, 9)]

    def test_a_bracket_that_fails_as_a_whole_is_over(self):
        scheduler = self.make()
        admitted(scheduler, range(9))
        record(scheduler, dict.fromkeys(range(9), None), goes_on=False)
        assert promotions(scheduler) == []
        assert admitted(scheduler, [9]) == [3]

    def test_a_trial_that_ended_by_itself_keeps_its_place_without_training(self):
        scheduler = self.make()
        admitted(scheduler, range(9))
        record(scheduler, {0: 0.1, 1: 0.9}, goes_on=False)
        record(scheduler, {2: 0.2, 3: 0.3, 4: 0.8, 5: 0.8, 6: 0.8, 7: 0.8, 8: 0.8})
        assert promotions(scheduler) == [(2, 3), (3, 3)]
        record(scheduler, {2: 0.15, 3: 0.25})
        assert promotions(scheduler) == []  # 0 is the best of the second rung as well, and has no more to come
        assert admitted(scheduler, [9]) == [3]

    def test_where_all_ended_by_themselves_nobody_goes_on(self):
        scheduler = self.make()
        admitted(scheduler, range(9))
        record(scheduler, dict.fromkeys(range(9), 0.5), goes_on=False)
        assert promotions(scheduler) == []

    def test_a_worker_opens_the_next_bracket_rather_than_wait(self):
        scheduler = self.make()
        assert admitted(scheduler, range(11)) == [1] * 9 + [3] * 2
        record(scheduler, {9: 0.0, 10: 0.0})  # of the second bracket, which has five
        record(scheduler, {number: number / 10 for number in range(9)})
        assert promotions(scheduler) == [(0, 3), (1, 3), (2, 3)]
        assert admitted(scheduler, [11, 12, 13]) == [3] * 3
        record(scheduler, {11: 0.2, 12: 0.2})
        assert scheduler.promote() is None
        record(scheduler, {13: 0.2})
        record(scheduler, {0: 0.3, 1: 0.2, 2: 0.1})
        assert promotions(scheduler) == [(2, 9), (9, 9)]  # the older bracket first

    def test_rounds_follow_rounds(self):
        scheduler = self.make()
        assert admitted(scheduler, range(9 + 5 + 3 + 9 + 1)) == [1] * 9 + [3] * 5 + [9] * 3 + [1] * 9 + [3]

    def test_a_closed_bracket_compares_the_trials_that_it_has(self):
        """Of four at eta = 3 one goes on, and none but it to the end."""
        scheduler = self.make()
        admitted(scheduler, range(4))
        record(scheduler, {0: 0.4, 1: 0.3, 2: 0.2})
        scheduler.close()
        assert promotions(scheduler) == []  # one of the four is under way
        record(scheduler, {3: 0.1})
        assert promotions(scheduler) == [(3, 3)]
        record(scheduler, {3: 0.1})
        assert promotions(scheduler) == [(3, 9)]

    def test_closing_twice_or_with_nothing_changes_nothing(self):
        scheduler = self.make()
        scheduler.close()
        assert admitted(scheduler, [0]) == [1]
        record(scheduler, {0: 0.4})
        for _ in range(2):
            scheduler.close()
        assert promotions(scheduler) == [(0, 3)]

    def test_a_trial_may_come_after_the_close(self):
        scheduler = self.make()
        admitted(scheduler, [0])
        scheduler.close()
        assert admitted(scheduler, range(1, 7)) == [3] * 5 + [9]

    def test_a_closed_bracket_whose_trials_are_all_known_goes_on_at_once(self):
        scheduler = self.make()
        admitted(scheduler, range(6))
        record(scheduler, {number: number / 10 for number in range(6)})
        scheduler.close()
        assert promotions(scheduler) == [(0, 3), (1, 3)]

    def test_whole_trainings_only(self):
        scheduler = self.make(least=9)
        assert admitted(scheduler, range(2)) == [9, 9]
        record(scheduler, {0: 0.5, 1: 0.4}, goes_on=False)
        assert promotions(scheduler) == []


class TestAsynchronousHalving:
    @staticmethod
    def make(resources=(1, 3, 9), eta=3):
        return AsynchronousHalving(resources, eta=eta)

    def test_a_trial_goes_on_as_soon_as_it_is_in_the_best_third(self):
        scheduler = self.make()
        assert admitted(scheduler, range(3)) == [1, 1, 1]
        record(scheduler, {0: 0.3, 1: 0.2})
        assert promotions(scheduler) == []  # a third of two is nobody
        record(scheduler, {2: 0.5})
        assert promotions(scheduler) == [(1, 3)]
        record(scheduler, {1: 0.1})
        assert promotions(scheduler) == []
        admitted(scheduler, range(3, 6))
        record(scheduler, {3: 0.1, 4: 0.15, 5: 0.9})  # 1 at 0.2 is the third best of six and has gone on
        assert promotions(scheduler) == [(3, 3), (4, 3)]

    def test_higher_rungs_come_first(self):
        scheduler = self.make(eta=2, resources=(1, 2, 4))
        admitted(scheduler, range(6))
        record(scheduler, {0: 0.1, 1: 0.2, 2: 0.9, 3: 0.8})
        assert promotions(scheduler) == [(0, 2), (1, 2)]
        record(scheduler, {4: 0.05, 5: 0.9})  # 4 may go to 2
        record(scheduler, {0: 0.3, 1: 0.2})  # 1 may go to 4
        assert scheduler.promote() == Promotion(1, 4)
        assert scheduler.promote() == Promotion(4, 2)
        assert scheduler.promote() is None

    def test_of_equals_the_oldest_goes_on(self):
        scheduler = self.make()
        admitted(scheduler, range(6))
        record(scheduler, dict.fromkeys(reversed(range(6)), 0.5))
        assert promotions(scheduler) == [(0, 3), (1, 3)]

    def test_failures_count_among_those_that_were_compared_and_never_go_on(self):
        scheduler = self.make()
        admitted(scheduler, range(6))
        record(scheduler, dict.fromkeys(range(5), None), goes_on=False)
        assert promotions(scheduler) == []
        record(scheduler, {5: 0.9})
        assert promotions(scheduler) == [(5, 3)]

    def test_a_trial_that_ended_by_itself_takes_its_loss_along(self):
        scheduler = self.make(eta=2, resources=(1, 2, 4))
        admitted(scheduler, range(4))
        record(scheduler, {0: 0.1}, goes_on=False)
        record(scheduler, {1: 0.2, 2: 0.8, 3: 0.9})
        assert promotions(scheduler) == [(1, 2)]
        record(scheduler, {1: 0.15})
        assert promotions(scheduler) == []  # of 0 and 1 the better one has no more to come
        admitted(scheduler, range(4, 8))
        record(scheduler, {4: 0.05, 5: 0.06, 6: 0.9, 7: 0.9})
        assert promotions(scheduler) == [(4, 2), (5, 2)]
        record(scheduler, {4: 0.01, 5: 0.02})
        assert promotions(scheduler) == [(4, 4), (5, 4)]

    def test_a_known_loss_is_passed_on_before_anybody_asks(self):
        scheduler = self.make(eta=2, resources=(1, 2, 4))
        admitted(scheduler, range(6))
        record(scheduler, {0: 0.1, 1: 0.5})
        assert promotions(scheduler) == [(0, 2)]
        record(scheduler, {0: 0.3})
        record(scheduler, {2: 0.4}, goes_on=False)
        record(scheduler, {3: 0.9})  # 2 is in the best half of four, and on the second rung 0 is better
        record(scheduler, {4: 0.05, 5: 0.95})
        assert promotions(scheduler) == [(0, 4), (4, 2)]

    def test_the_top_rung_is_the_end(self):
        scheduler = self.make(resources=(1, 3))
        admitted(scheduler, range(3))
        record(scheduler, {0: 0.3, 1: 0.2, 2: 0.5})
        assert promotions(scheduler) == [(1, 3)]
        record(scheduler, {1: 0.0}, goes_on=False)
        assert promotions(scheduler) == []

    def test_one_that_is_admitted_after_closing_opens_it_again(self):
        scheduler = self.make()
        admitted(scheduler, range(2))
        record(scheduler, {0: 0.3, 1: 0.2})
        scheduler.close()
        assert admitted(scheduler, [2]) == [1]
        assert promotions(scheduler) == []


def test_the_best_has_a_whole_training_when_no_new_ones_come():
    scheduler = AsynchronousHalving((1, 3, 9), eta=3)
    for number, loss in enumerate([0.5, 0.3]):
        scheduler.admit(number)
        assert scheduler.promote() is None
        scheduler.record(number, loss, goes_on=True)
    assert scheduler.promote() is None
    scheduler.close()
    assert scheduler.promote() == Promotion(1, 3)
    assert scheduler.promote() is None  # it may turn out to be worse than the other
    scheduler.record(1, 0.2, goes_on=True)
    assert scheduler.promote() == Promotion(1, 9)
    scheduler.record(1, 0.1, goes_on=False)
    scheduler.close()
    assert scheduler.promote() is None


def test_another_one_goes_on_when_the_best_fails():
    scheduler = AsynchronousHalving((1, 3), eta=3)
    for number, loss in enumerate([0.5, 0.3]):
        scheduler.admit(number)
        scheduler.record(number, loss, goes_on=True)
    scheduler.close()
    assert scheduler.promote() == Promotion(1, 3)
    scheduler.record(1, None, goes_on=False)
    assert scheduler.promote() == Promotion(0, 3)
    scheduler.admit(2)
    scheduler.record(0, 0.4, goes_on=False)
    scheduler.record(2, 0.9, goes_on=True)
    assert scheduler.promote() is None
