"""From a plugin's sources to a component: `python -m opssight_plugin.build`.

The sources are imported once on this machine, with stand-ins for the host, to see which kinds of plugin they are and
which powers they use; then `componentize-py` puts CPython around them. The component imports just these powers."""

from __future__ import annotations

import argparse
import importlib
import importlib.abc
import importlib.machinery
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

CONTRACT = "1.0.0"

POWERS = {
    "log": "opssight:plugin/log@1.0.0",
    "settings": "opssight:plugin/settings@1.0.0",
    "state": "opssight:plugin/state@1.0.0",
    "time": "wasi:clocks/wall-clock@0.2.12",
    "http": "wasi:http/outgoing-handler@0.2.12",
}
"""What each module of this package asks of the host."""

PLAIN = "wasi:"
DISGUISED = "xasi:"
"""CPython itself links WASI, which a plugin does not get, so that the build replaces all of `wasi:` by stubs. What the
plugin means to import travels under a name of the same length and gets its own name back afterwards."""


class Mistake(Exception):
    """Something that the author can mend."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m opssight_plugin.build", description=__doc__)
    parser.add_argument("--source", default="src", help="folder with the module `plugin`")
    parser.add_argument("--look", action="store_true", help="only say which kinds and powers the sources have, as JSON")
    parser.add_argument("--out", default="target/opssight/component.wasm", help="where the component goes")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="opssight-plugin-") as scratch:
            kinds, powers = look(Path(arguments.source))
            if arguments.look:
                print(json.dumps({"kinds": kinds, "powers": powers}))
                return 0
            made = build(Path(arguments.source), Path(scratch), kinds, powers)
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(made)
    return 0


def build(source: Path, scratch: Path, kinds: list[str], powers: list[str]) -> bytes:
    entry = scratch / "entry"
    entry.mkdir()
    (entry / "opssight_built.py").write_text(entry_module(kinds))
    made = scratch / "component.wasm"
    own = world(scratch / "own", kinds, powers)
    paths = [str(path) for folder in (entry, source.resolve(), Path(__file__).parent.parent) for path in ("-p", folder)]
    run(own, "componentize", "opssight_built", "--stub-wasi", *paths, "-o", str(made))
    return undisguised(made.read_bytes())


class StandIn(ModuleType):
    """A module of the host on a machine that has no host: whatever is asked of it is there, and nothing works."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {}) if name[0].isupper() else StandIn(name)


class Host(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stand-ins for the modules that only a component has."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.split(".")[0] not in ("wit_world", "componentize_py_types"):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def look(source: Path) -> tuple[list[str], list[str]]:
    """Which kinds the plugin registers, and which modules of this package it imports."""
    if not (source / "plugin.py").is_file():
        raise Mistake(f"there is no {source / 'plugin.py'}")
    sys.path.insert(0, str(source.resolve()))
    sys.meta_path.insert(0, Host())
    try:
        plugin = getattr(importlib.import_module("plugin"), "plugin", None)
    except Exception as error:
        frames = [f"{type(error).__name__}: {error}"]
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename.startswith(str(source.resolve())):
                frames.insert(0, f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
            trace = trace.tb_next
        raise Mistake("the plugin cannot be imported\n" + "\n".join(frames)) from error
    from .plugin import Plugin

    if not isinstance(plugin, Plugin):
        raise Mistake(f"{source / 'plugin.py'} must say `plugin = Plugin()`")
    kinds = plugin.kinds()
    if not kinds:
        raise Mistake("the plugin does nothing: register a function, for example with @plugin.health")
    powers = [power for module, power in POWERS.items() if f"opssight_plugin.{module}" in sys.modules]
    return kinds, powers


def world(folder: Path, kinds: list[str], powers: list[str]) -> Path:
    """A world of exactly these kinds and powers, beside a copy of the contract."""
    own = Path(__file__).parent / "wit"
    contract = own if own.is_dir() else Path(__file__).resolve().parents[3] / "wit" / "1.0"
    plugin = folder / "deps" / "opssight"
    plugin.mkdir(parents=True)
    for file in contract.glob("*.wit"):
        shutil.copy(file, plugin)
    for file in (contract / "deps").glob("*.wit"):
        shutil.copy(file, folder / "deps")
    for file in (folder / "deps").rglob("*.wit"):
        file.write_text(file.read_text().replace(PLAIN, DISGUISED))
    lines = [f"  import {power.replace(PLAIN, DISGUISED)};" for power in powers]
    lines += [f"  export opssight:plugin/{kind}@{CONTRACT};" for kind in kinds]
    text = "package opssight:built;\nworld plugin {\n" + "\n".join(lines) + "\n}\n"
    (folder / "world.wit").write_text(text)
    return folder


def entry_module(kinds: list[str]) -> str:
    """The module that the component starts with: it has the contract's exports under the names that are looked for."""
    version = CONTRACT.replace(".", "")
    lines = [
        f"from opssight_plugin._glue.{kind} import {kind.title()} as OpssightPlugin{kind.title()}{version}"
        for kind in kinds
    ]
    return "\n".join(["from opssight_plugin._glue import bind", "from plugin import plugin", *lines, "bind(plugin)", ""])


def run(wit: Path, *arguments: str) -> None:
    tool = Path(sys.executable).parent / "componentize-py"
    command = [str(tool), "--full-names", "--quiet", "-d", str(wit), "-w", "plugin", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Mistake(f"componentize-py {arguments[0]} failed\n{done.stdout}{done.stderr}")


def undisguised(component: bytes) -> bytes:
    """The imports of the outermost component under their own names: a section of imports is number 10."""
    made = bytearray(component)
    at = 8
    while at < len(made):
        section = made[at]
        size, start = leb128(made, at + 1)
        if section == 10:
            end = start + size
            made[start:end] = made[start:end].replace(DISGUISED.encode(), PLAIN.encode())
        at = start + size
    return bytes(made)


def leb128(data: bytearray, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


if __name__ == "__main__":
    sys.exit(main())
