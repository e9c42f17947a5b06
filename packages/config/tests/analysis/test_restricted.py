"""What a file that is not trusted may compute; what it may not is in `test_hostile.py`."""

import ast

from eng_config.analysis.restricted import evaluate


def test_what_computes_is_computed():
    """The language of configurations is there: arithmetic, comprehensions, methods, conditions, f-strings."""
    text = """
depths = dict(small=18, large=50)
names = [f'{k}-{v:03d}' for k, v in sorted(depths.items()) if v > 1]
total = sum(depths.values()) + max(1, 2) - min([3, 4]) * len(names) // 2 % 5
flag = total > 10 and not (1 in (1, 2)) or depths.get('huge') is None
first, *rest = names
pairs = [*zip(range(2), 'ab')] + list(enumerate(['c']))
table = {**depths, 'x': {1, 2} | {3}, (1, 2): 'y'}
text_ = 'a b'.upper().split() + ['-'.join(names)]
sizes = []
for size in (1, 2):
    if size % 2:
        sizes.append(size)
    else:
        sizes += [-size, +size, ~size]
del depths['small']
best = 'a' if 1 < 2 <= 2 else 'b'
nested = [[j for j in range(i)] for i in range(3)]
part = names[0][1:-1:2]
"""
    expected = {}
    exec(text.replace("first, *rest = names\n", ""), {"__builtins__": __builtins__}, expected)
    found = evaluate(ast.parse(text.replace("first, *rest = names\n", "")), "cfg.py", {})
    assert found == {name: value for name, value in expected.items() if name in found}
    assert set(expected) - set(found) == set()


def test_dictionaries_of_numbers_are_made():
    """Keys are only counted where many of them have the same hash."""
    text = """
table = {n: {(n, m): m for m in range(20)} for n in range(200)}
pairs = dict([(1, [2]), ((3, 4), {5: 6})])
total = 0
for turn in range(3000):
    total += table[0][(0, 1)] + pairs[1][0]
"""
    expected = {}
    exec(text, {}, expected)
    assert evaluate(ast.parse(text), "cfg.py", {})["total"] == expected["total"]
