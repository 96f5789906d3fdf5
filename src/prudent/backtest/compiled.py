"""Compiles the kernels that the live path runs as plain Python: the very same code objects over compiled globals."""

import builtins
import hashlib
import importlib
import importlib.util
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from prudent.domain.errors import ConfigError

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Swaps = Mapping[Callable[..., Any], Callable[..., Any]]


class CompiledKernels:
    """Kernels by their original function: `compiled[match_batch]` is called like `match_batch`.

    Compiling a kernel compiles all that it calls. What is compiled has the original's `__code__`; only the names it
    looks up are other objects. `swaps` names a stand-in for a function that a compiler cannot take. `cache` is a folder
    for machine code: a folder inside it is named by a digest of every kernel's code, for the compiler itself does not
    see that a function called by a cached one has changed. `division` is what a division by zero does: `python` raises,
    `numpy` gives what arrays give, for kernels whose arrays would give it anyhow.
    """

    def __init__(
        self, *entries: Callable[..., Any], swaps: Swaps | None = None, cache: Path | None = None,
        division: str = "python",
    ) -> None:  # fmt: skip
        self._numba = _numba()
        self._division = division
        self._swaps = dict(swaps or {})
        self._entries = entries
        self._functions: dict[Callable[..., Any], Any] = {}
        self.kernels = tuple(self._reached())
        self._cache = None if cache is None else cache / self._digest()
        for kernel in self.kernels:
            self._compile(kernel)

    def __getitem__(self, kernel: Kernel) -> Kernel:
        return cast("Kernel", self._functions[kernel])

    def _reached(self) -> Iterator[types.FunctionType]:
        # Callees before callers, so that each finds the compiled form of what it calls.
        done: set[Callable[..., Any]] = set()

        def visit(kernel: Callable[..., Any]) -> Iterator[types.FunctionType]:
            if kernel in done:
                return
            done.add(kernel)
            stand_in = cast("types.FunctionType", self._swaps.get(kernel, kernel))
            for callee in _callees(stand_in):
                yield from visit(callee)
            yield cast("types.FunctionType", kernel)

        for entry in self._entries:
            yield from visit(entry)

    def _compile(self, kernel: types.FunctionType) -> None:
        source = cast("types.FunctionType", self._swaps.get(kernel, kernel))
        # A stand-in has no file that could be stamped; its callers carry its machine code in their own entries.
        keep = self._cache is not None and kernel not in self._swaps
        # Kernels are small and call each other for every order: inlined, and without counting references to arrays that
        # outlive the call, they take a quarter of the time. Only a kernel that makes arrays must count.
        makes_arrays = "np" in source.__code__.co_names
        with self._machine_code_in(self._cache if keep else None):
            decorate = self._numba.njit(
                cache=keep, forceinline=kernel not in self._entries, _nrt=makes_arrays, error_model=self._division
            )
            self._functions[kernel] = decorate(self._rebuilt(source, kernel))

    def _rebuilt(self, source: types.FunctionType, kernel: types.FunctionType) -> types.FunctionType:
        known = {
            name: self._functions.get(value, value) if callable(value) else value for name, value in _looked_up(source)
        }
        names: dict[str, Any] = {**known, "__builtins__": builtins, "__name__": kernel.__module__}
        rebuilt = types.FunctionType(source.__code__, names, kernel.__name__, source.__defaults__)
        rebuilt.__qualname__, rebuilt.__module__ = kernel.__qualname__, kernel.__module__
        return rebuilt

    def _digest(self) -> str:
        options = CompiledKernels._compile.__code__
        stamp = (self._numba.__version__, self._division, options.co_consts, options.co_code)
        seal = hashlib.sha256(repr(stamp).encode())
        for kernel in self.kernels:
            source = cast("types.FunctionType", self._swaps.get(kernel, kernel))
            seal.update(f"{kernel.__module__}.{kernel.__qualname__}".encode())
            code = source.__code__
            seal.update(code.co_code)
            seal.update(repr((code.co_consts, code.co_names, code.co_varnames)).encode())
            for name, value in _looked_up(source):
                if not callable(value):
                    seal.update(f"{name}={value!r}".encode())
                elif isinstance(value, type):
                    seal.update(f"{name}={getattr(value, '_fields', '')}".encode())
        return seal.hexdigest()[:16]

    @contextmanager
    def _machine_code_in(self, folder: Path | None) -> Iterator[None]:
        # The compiler reads its folder from a setting of its own when a function is decorated.
        setting = self._numba.core.config
        before = setting.CACHE_DIR
        setting.CACHE_DIR = before if folder is None else str(folder)
        try:
            yield
        finally:
            setting.CACHE_DIR = before


def can_compile() -> bool:
    """True where the compiler is installed."""
    return importlib.util.find_spec("numba") is not None


def _numba() -> Any:
    try:
        return importlib.import_module("numba")
    except ImportError as error:
        raise ConfigError(
            "compiled backtests need the package numba, which is not installed; "
            "install the extra `fast`: pip install 'prudent[fast]'"
        ) from error


def _looked_up(kernel: types.FunctionType) -> list[tuple[str, Any]]:
    return [(name, kernel.__globals__[name]) for name in kernel.__code__.co_names if name in kernel.__globals__]


def _callees(kernel: types.FunctionType) -> list[types.FunctionType]:
    return [value for _, value in _looked_up(kernel) if isinstance(value, types.FunctionType)]
