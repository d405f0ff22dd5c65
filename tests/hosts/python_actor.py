# SPDX-License-Identifier: Apache-2.0
"""A Python process that does what a test tells it: each line of standard input is a statement, or an expression whose repr is the
answer, "ok ..." or "err CODE TEXT"."""
import ast
import sys

import memfabric
import numpy
from memfabric import bm

scope = {"memfabric": memfabric, "bm": bm, "np": numpy}


def run(text):
    tree = ast.parse(text)
    if isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, "line", "exec"), scope)
        return eval(compile(last, "line", "eval"), scope)
    return exec(compile(tree, "line", "exec"), scope)


print("checkpoint started", flush=True)
for line in sys.stdin:
    try:
        answer = f"ok {run(line)!r}"
    except Exception as error:
        answer = f"err {int(getattr(error, 'code', 0))} {type(error).__name__}: {error}"
    print(answer.replace("\n", " "), flush=True)
