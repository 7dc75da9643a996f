"""A prior model given as a formula, which is parsed and never evaluated as Python."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor

from ganzoo import GanzooError
from ganzoo.data import Data

from .regressors import Regressor

MAX_LENGTH = 200
MAX_NUMBER = 1e9
MAX_EXPONENT = 10

OPERATORS: MappingProxyType[type[ast.AST], Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)
FUNCTIONS: MappingProxyType[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "abs": torch.abs,
        "cos": torch.cos,
        "exp": torch.exp,
        "log": torch.log,
        "sin": torch.sin,
        "sqrt": torch.sqrt,
    }
)


class Formula(Regressor):
    """Arithmetic in the inputs x0, x1, ... (standardised, as the data are).

    It may hold numbers up to 1e9, pi, ``+ - * /``, ``**`` with an exponent from -10 to 10, and ``FUNCTIONS``.

    Raises:
        GanzooError: the text is too long, not a formula, or holds anything else.
    """

    def __init__(self, text: str, inputs: int) -> None:
        super().__init__()
        self.text, self.inputs = text.strip(), inputs
        if len(text) > MAX_LENGTH:
            raise GanzooError(f"the formula has {len(text)} characters; write it in at most {MAX_LENGTH}")
        try:
            self.tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise self.error(f"{text!r} is not a formula") from None
        self.value(self.tree, torch.zeros(1, inputs))  # raises for whatever it may not hold

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """The formula's value for each sample."""
        return self.value(self.tree, x).expand(x.shape[0]).unsqueeze(1)

    def checked(self, data: Data | None) -> Formula:
        """The formula itself; GanzooError if a value on the data is not finite."""
        if data is not None:
            x = torch.tensor(data.conditions)
            if not self(x, x[:, :0]).isfinite().all():
                raise GanzooError(
                    f"formula {self.text!r} is infinite or undefined somewhere on '{data.name}', whose inputs are "
                    "standardised, so negative too; guard it, as in log(1 + abs(x0))"
                )
        return self

    def value(self, node: ast.expr, x: Tensor) -> Tensor:
        """The value of a node: ``(N,)``, or ``()`` if it has no input in it."""
        match node:
            case ast.Constant(value=int() | float() as number) if number <= MAX_NUMBER:
                return x.new_full((), float(number))
            case ast.Name(id="pi"):
                return x.new_full((), math.pi)
            case ast.Name(id=name) if re.fullmatch(r"x(0|[1-9]\d?)", name, re.ASCII) and int(name[1:]) < self.inputs:
                return x[:, int(name[1:])]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand, x)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand, x)
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self.value(base, x) ** self.power(exponent)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](self.value(left, x), self.value(right, x))
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
                return FUNCTIONS[name](self.value(argument, x))
        raise self.error(f"a formula cannot hold {self.source(node)!r}")

    def power(self, node: ast.expr) -> float:
        """An exponent: a number of at most MAX_EXPONENT, with or without a sign."""
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.power(operand)
            case ast.Constant(value=int() | float() as number) if number <= MAX_EXPONENT:
                return float(number)
        raise self.error(f"{self.source(node)!r} is not an exponent from -{MAX_EXPONENT} to {MAX_EXPONENT}")

    def source(self, node: ast.expr) -> str | None:
        return ast.get_source_segment(self.text, node)

    def error(self, what: str) -> GanzooError:
        functions = ", ".join(FUNCTIONS)
        names = f"x0 to x{self.inputs - 1}" if self.inputs > 1 else "x0"
        return GanzooError(
            f"{what}; it takes {names}, pi, numbers, + - * / ** and {functions}, "
            "as in --set 'prior=formula:sin(pi*x0) + x1**2'"
        )
