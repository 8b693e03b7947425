"""What a log proves of metric regexes: traps that real jobs fell into."""

import re

import pytest

from smtune.amt.metrics import (
    Match,
    Verdict,
    metric_regexes,
    objective_problem,
    proof_rows,
    prove_metrics,
    reported_metrics,
)
from smtune.container import metric_regex
from smtune.errors import Problem
from smtune.metric_lines import ANY_NUMBER, NUMBER

XGBOOST = ["[0]\ttrain-auc:0.91234\tvalidation-auc:0.81234", "[1]\ttrain-auc:0.95000\tvalidation-auc:0.82000"]
BAR = ["\r 10%|#   | loss=10 \r 20%|##  | loss=9 ", "\r 30%|### | loss=8 "]
JSON = ["{", '  "train": {', '    "loss": 0.5', "  },", '  "auc": 0.93,', '  "f1": 0.9', "}"]


def prove(regex, *lines, name="loss"):
    [proof] = prove_metrics({name: regex}, lines)
    return proof


def test_a_sound_regex_is_proven_with_what_it_read():
    proof = prove(rf"loss={NUMBER}", "hello", "epoch 1 loss=0.5", "", "epoch 2 loss=-2.5e-05, bye")
    assert (proof.verdict, proof.matches, proof.value) == (Verdict.Proven, 2, -2.5e-05)
    assert proof.first == Match(2, "epoch 1 loss=0.5", "0.5", 0.5)
    assert proof.last == Match(4, "epoch 2 loss=-2.5e-05, bye", "-2.5e-05", -2.5e-05)
    assert proof.problem is None
    assert proof.suggestion is None


@pytest.mark.parametrize(
    ("regex", "lines"),
    [
        (r"validation-auc:(\S+)", XGBOOST),
        (r".*\[[0-9]+\].*#011validation-auc:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*", XGBOOST),
        (rf"#011train-auc:{NUMBER}", XGBOOST),
        (rf"^.*loss={NUMBER}", BAR),
        (rf'"auc": {NUMBER}', JSON),
        (r"loss=(\S+)", ["loss=0.5", "loss=nan", "loss=-inf"]),
        (r"steps=(\d+)", ["steps=17", "steps=18"]),
        (rf"acc: {NUMBER}", ["acc: 93.5%"]),
        (rf"(?:acc|accuracy)={NUMBER}", ["acc=0.9", "accuracy=0.9"]),
        (rf"step\d+_loss={NUMBER}", ["step1_loss=0.5", "step2_loss=0.4"]),
        (rf"loss={NUMBER}", ["10:02:11 INFO epoch 3: loss=0.5", "10:02:12 WARNING epoch 4: loss=0.4"]),
        (rf"loss={NUMBER}", ["loss=0.5 (then loss=0.5)"]),
        (rf"loss: {NUMBER}", ["the loss is best now: 5. Or loss: 5."]),
        (r"(?i)LOSS ?= ?(-?[\d.]+(?:e-?\d+)?)", ["Loss = 0.5"]),
        (rf"top1={NUMBER}", ["top1=0.5", "top5=-0.9"]),
        (rf"^epoch \d+ auc={NUMBER}", ["epoch 1 auc=0.5", "best auc=-0.5"]),
        (metric_regex("a.b"), ["2026-01-01 INFO smtune: step=3; a:b=1.0; a.b=1e-07; a.bc=2.0"]),
    ],
)
def test_sound_regexes_are_left_alone(regex, lines):
    proof = prove(regex, *lines, name="m")
    assert proof.problem is None, proof.problem
    assert proof.verdict is Verdict.Proven


@pytest.mark.parametrize(
    ("name", "regex", "lines", "rule", "suggestion"),
    [
        (
            "validation:auc",
            r"([0-9\.]+)",
            ["validation:auc=1.2e-05"],
            r'your regex ([0-9\.]+) read 1.2 from "validation:auc=1.2e-05", without the exponent',
            f"validation:auc={NUMBER}",
        ),
        ("loss", "loss=-?([0-9.]+)", ["loss=-0.3"], "without the sign", f"loss={NUMBER}"),
        ("auc", r"auc=(\d+)", ["auc=0.93"], r'(\d+) read 0 from "auc=0.93", which is only a part', f"auc={NUMBER}"),
        ("auc", r"auc.*(\d+)", ["auc=0.93"], "read 3 from", f"auc={NUMBER}"),
        ("auc", r"auc=(0\.\d\d)", ["auc=0.9312"], "read 0.93 from", f"auc={NUMBER}"),
        ("f1", "F1=(.*?)", ["F1=0.9"], '(.*?) read the empty string from "F1=", which is no', f"F1={NUMBER}"),
        ("acc", r"acc: (\S+)", ["acc: 93.5%"], "read 93.5% from", f"acc: {NUMBER}"),
        ("n", r"n=(\S+)", ["n=1_000"], "read 1_000 from", None),
        ("auc", r"auc=(\d)?", ["auc=x", "auc=1"], "but not with its first group", f"auc={NUMBER}"),
        (
            "train:auc",
            r"train-auc:(\S+)",
            XGBOOST,
            "read 0.95000#011validation-auc:0.82000 from",
            f"train-auc:{NUMBER}",
        ),
        ("auc", r"auc\D+([\d.]+)", ["auc\t0.93"], "read 0110.93 from", f"auc#011{NUMBER}"),
        ("auc", r"auc=(\d+)", ["auc=0,93"], '(\\d+) read 0 from "auc=0,93"', None),
        ("auc", r"epoch (\d+) auc=(\S+)", ["epoch 3 auc=0.5"], "has 2 groups", rf"epoch (?:\d+) auc={NUMBER}"),
        (
            "validation:auc",
            r"auc:([0-9.]+)",
            XGBOOST,
            "found 2 times in a line, with different numbers: 0.91234 and 0.81234",
            f"validation-auc:{NUMBER}",
        ),
        (
            "validation:auc",
            r"auc=([0-9.]+)",
            ["train-auc=0.9", "validation-auc=0.8"],
            'reads different metrics: "train-auc=0.9" and "validation-auc=0.8"',
            f"validation-auc={NUMBER}",
        ),
        (
            "validation:loss",
            r"loss: (\S+)",
            ["epoch 1 train loss: 0.5", "epoch 1 val loss: 0.6"],
            'reads different metrics: "train loss: 0.5" and "val loss: 0.6"',
            f"val loss: *{NUMBER}",
        ),
        (
            "auc",
            r"auc=([0-9.]+)",
            ["best_auc=0.9", "auc=0.8"],
            "reads different metrics",
            rf"(?:^|#011|[^-\w.:/@])auc={NUMBER}",
        ),
        ("loss", r"loss=(\S+)", BAR, "#015, ends no line there", f"^.*loss={NUMBER}"),
        (
            "auc",
            "auc=([0-9.]+)",
            ["auc=0.5", "auc=-0.5", "auc=0.6", "auc=-0.7"],
            'passes over "auc=-0.7" in line 4: it does not take the sign; the last value is then 0.6 of line 3',
            f"auc={NUMBER}",
        ),
        (
            "loss",
            "loss: ([0-9.]+)",
            ["epoch 1 loss: inf", "epoch 2 loss: 0.5"],
            'passes over "loss: inf" in line 1; the last value is then 0.5 of line 2',
            f"loss: {ANY_NUMBER}",
        ),
        (
            "loss",
            r"loss:  ([\d.]+)",
            ["step 9 loss:  0.50", "step 10 loss: -0.25"],
            'passes over "loss: -0.25" in line 2',
            f"loss: *{NUMBER}",
        ),
        ("auc", r"auc=(0\.\d+)", ["auc=0.5", "auc=1.0"], 'passes over "auc=1.0" in line 2;', f"auc={NUMBER}"),
    ],
)
def test_a_wrong_regex_is_told_with_line_and_number(name, regex, lines, rule, suggestion):
    proof = prove(regex, *lines, name=name)
    assert proof.verdict is Verdict.Wrong
    assert isinstance(proof.problem, Problem)
    assert (proof.problem.field, proof.problem.value) == (f"metrics.{name}", regex)
    assert rule in proof.problem.rule
    assert proof.suggestion == suggestion
    assert proof.problem.source.startswith("https://docs.aws.amazon.com/sagemaker/")
    if suggestion is not None:
        assert proof.problem.fix == f"use {suggestion}"


@pytest.mark.parametrize(
    ("name", "regex", "lines", "suggestion"),
    [
        ("loss", "loss=([0-9.]+)", ["loss=-0.3"], f"loss={NUMBER}"),
        ("auc", r'"metrics".*"auc": (\d)', JSON, f'auc": *{NUMBER}'),
        ("validation:auc", r"\tvalidation-auc:(\S+)", XGBOOST, f"#011validation-auc:{NUMBER}"),
        ("train:auc", r"\]\strain-auc:([\d.]+)", XGBOOST, rf"\](?:\s|#011)train-auc:{NUMBER}"),
        ("validation:auc", "valid_auc=(.*)", ["validation-auc = 0.5"], f"validation-auc *= *{NUMBER}"),
        ("loss", r"^loss=(\d)", ["\rloss=1\rloss=2 "], f"^.*loss={NUMBER}"),
        ("loss", "lss=(.*)", ["nothing here"], None),
    ],
)
def test_a_regex_that_reads_nothing_is_told_with_one_that_does(name, regex, lines, suggestion):
    proof = prove(regex, *lines, name=name)
    assert (proof.verdict, proof.matches, proof.last, proof.value) == (Verdict.Unmatched, 0, None, None)
    assert proof.suggestion == suggestion


def test_a_line_that_only_matches_as_printed_is_named():
    rule = str(prove(r"\tvalidation-auc:(\S+)", *XGBOOST).problem)
    assert r'found in line 1 as it was printed, "\tvalidation-auc:0.81234", but not as CloudWatch shows it' in rule


def test_what_the_log_has_is_listed_if_nothing_is_alike():
    proof = prove(r"accuracy=(\d)", "epoch: 3, rmse: 0.5", name="accuracy")
    assert proof.problem.fix == "print the metric; the log has numbers behind epoch, rmse"
    assert prove("x=(1)", "").problem.fix == "print the metric; the log has no numbers behind words"


@pytest.mark.parametrize(
    ("name", "regex", "lines", "rule"),
    [
        ("loss", "loss=([0-9.]+)", ["loss=0.3"], 'would read 1.2 from "loss=1.2e-05", without the exponent'),
        ("loss", "loss=-?([0-9.]+(?:e-05)?)", ["loss=0.3"], 'would read 0.3 from "loss=-0.3", without the sign'),
        ("loss", "loss=([.0-9][.0-9e-]*)", ["loss=0.3"], 'would pass over "loss=-0.3": it does not take the sign'),
        ("loss", r"loss=(\S+)", ["Namespace(loss=mse,", "loss=0.5"], 'read mse, from "loss=mse,"'),
        ("validation:auc", rf"train-auc={NUMBER}", ["train-auc=0.5"], "another part of the data than validation:auc"),
    ],
)
def test_what_another_log_may_hold_is_doubted(name, regex, lines, rule):
    proof = prove(regex, *lines, name=name)
    assert proof.verdict is Verdict.Doubtful
    assert rule in proof.problem.rule
    assert proof.value == proof.last.number is not None


def test_a_metric_that_is_never_finite_is_doubted():
    proof = prove(r"loss=(\S+)", "loss=inf", "loss=nan")
    assert (proof.verdict, proof.suggestion) == (Verdict.Doubtful, None)
    assert 'read nan from "loss=nan", and no finite number from any line' in proof.problem.rule


@pytest.mark.parametrize(
    ("regex", "rule", "matches"),
    [
        ("(", "no regular expression", 0),
        ("loss=3", "has no group", 0),
        (r"loss=(?P<value>\S+)", "(?P<value>, which Python understands", 1),
        (r"(?:" + "a|" * 260 + r"loss)=(\S+)", "has 534 characters, and SageMaker takes 500", 1),
        ("(l*)*b", "takes too long in lines 1 to 2 of the log, of up to 40 characters", 0),
    ],
)
def test_a_regex_that_cannot_be_used_is_replaced(regex, rule, matches):
    proof = prove(regex, "loss=3", "l" * 40)
    assert (proof.verdict, proof.matches) == (Verdict.Wrong, matches)
    assert rule in proof.problem.rule
    assert proof.suggestion == f"loss={NUMBER}"


def test_a_regex_without_end_does_not_keep_others_from_being_proven():
    slow, sound = prove_metrics({"slow": "(a*)*b", "loss": rf"loss={NUMBER}"}, ["loss=3", "a" * 40], seconds=0.1)
    assert (slow.verdict, sound.verdict) == (Verdict.Wrong, Verdict.Proven)


def test_suggestions_are_proven_on_the_same_lines():
    lines = [*XGBOOST, *BAR, *JSON, "acc: 93.5%", "F1=0.9; valid_loss = -3e-4"]
    wrong = {"train:auc": r"auc:(\S+)", "loss": r"loss=(\d)", "f1": "F1=(.*?)", "validation:loss": r"loss = (\d+)"}
    proofs = prove_metrics(wrong, lines)
    assert all(proof.problem for proof in proofs)
    better = {proof.name: str(proof.suggestion) for proof in proofs}
    assert [proof.value for proof in prove_metrics(better, lines)] == [0.95, 8.0, 0.9, -3e-4]
    assert {proof.verdict for proof in prove_metrics(better, lines)} == {Verdict.Proven}


def test_reported_metrics_are_proven_by_their_own_regexes():
    lines = ["smtune: step=0; train:auc=0.9; validation:auc=1e-07", "INFO smtune: step=1; validation:auc=-2.5"]
    reported = reported_metrics(lines)
    assert reported == ["train:auc", "validation:auc"]
    regexes = metric_regexes({}, "validation:auc", reported)
    assert regexes == {name: metric_regex(name) for name in ("validation:auc", "train:auc")}
    assert [(proof.verdict, proof.value) for proof in prove_metrics(regexes, lines)] == [
        (Verdict.Proven, -2.5),
        (Verdict.Proven, 0.9),
    ]


def test_regexes_of_the_spec_win_over_those_of_reports_and_the_objective_comes_first():
    regexes = metric_regexes({"loss": "loss=(.+)", "auc": "auc=(.+)"}, "auc", ["loss", "f1"])
    assert list(regexes.items()) == [("auc", "auc=(.+)"), ("loss", "loss=(.+)"), ("f1", metric_regex("f1"))]
    assert metric_regexes({}, "a=b", ["loss"]) == {"loss": metric_regex("loss")}


@pytest.mark.parametrize(
    ("metrics", "reported", "fix"),
    [
        ({}, ["train:auc", "validation-auc"], "did you mean validation-auc?"),
        ({"val_auc": "(.)"}, ["rmse"], "did you mean val_auc?"),
        ({}, ["rmse"], "name one of them, or report it"),
        ({}, [], "call smtune.container.report({'validation:auc': ...})"),
    ],
)
def test_an_objective_that_is_not_there_is_told_with_the_nearest(metrics, reported, fix):
    problem = objective_problem(metrics, "validation:auc", reported)
    assert problem is not None
    assert (problem.field, problem.value) == ("objective.metric", "validation:auc")
    assert problem.fix.startswith(fix)
    assert all(name in problem.rule for name in reported)


def test_an_objective_that_is_there_is_no_problem():
    assert objective_problem({"auc": "(.)"}, "auc", []) is None
    assert objective_problem({}, "auc", ["loss", "auc"]) is None


def test_rows_show_the_last_line_around_what_was_read():
    lines = ["x" * 200 + " loss=0.25 " + "y" * 200, "F1=0.9"]
    rows = proof_rows(prove_metrics({"loss": rf"loss={NUMBER}", "f1": "F1=(.*?)", "auc": "auc=(.)"}, lines))
    assert [tuple(row) for row in rows] == [
        ("loss", "1", rows[0].line, "0.25", "proven"),
        ("f1", "1", "2: F1=0.9", '""', "wrong"),
        ("auc", "0", "", "", "never matched"),
    ]
    assert re.fullmatch(r"1: \.\.\.x+ loss=0\.25 y+\.\.\.", rows[0].line)
    assert len(rows[0].line) < 80
