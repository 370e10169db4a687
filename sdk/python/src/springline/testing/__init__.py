"""A fake host: runs a plugin natively, without WebAssembly::

    def test_greets() -> None:
        host = FakeHost()
        host.add_input("others.txt", "Grace")
        assert host.run(app.hello, {"name": "Ada"}) == "1 file"
        assert host.output("hello.txt") == b"Hello, Ada, Grace"

`run`, `render` and `target` call a plugin as the real host does, config and all. An exception that
is no `springline.Error` is not caught, so that the test shows it.
"""

from .host import FakeHost, Leaf, Link, LogLine, Script
from .live import Live, digest_of
from .sync import Synced

__all__ = ["FakeHost", "Leaf", "Link", "Live", "LogLine", "Script", "Synced", "digest_of"]
