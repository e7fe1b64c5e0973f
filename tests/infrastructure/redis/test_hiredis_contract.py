"""Contract with the pinned hiredis: the behaviour of its parser and packer on which infrastructure/redis builds."""

import re
from pathlib import Path

import hiredis
import pytest

from infrastructure.redis.protocol import SimpleCommand, pack_command

REQUIREMENTS = Path(__file__).parents[3] / "requirements.txt"
CHANGED = f"hiredis {hiredis.__version__} changed an API of infrastructure/redis: "


def replies(*chunks: bytes) -> list[object]:
    """Return all complete replies after the chunks, read as RedisConnection reads them."""
    reader = hiredis.Reader()
    found: list[object] = []
    for chunk in chunks:
        reader.feed(chunk)
        while (reply := reader.gets()) is not False:
            found.append(reply)
    return found


def test_the_installed_version_is_the_pinned_one() -> None:
    pinned = re.findall(r"^hiredis==(\S+)$", REQUIREMENTS.read_text(), re.MULTILINE)
    assert pinned == [hiredis.__version__], "requirements.txt pins another hiredis: install it, or check this contract"


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"+OK\r\n", b"OK"),
        (b"$3\r\nabc\r\n", b"abc"),
        (b"$0\r\n\r\n", b""),
        (b"$-1\r\n", None),
        (b":5\r\n", 5),
        (b":0\r\n", 0),
        (b"*3\r\n$1\r\na\r\n$-1\r\n:7\r\n", [b"a", None, 7]),
        (b"*0\r\n", []),
    ],
)
def test_replies_are_bytes_integers_lists_and_none(wire: bytes, reply: object) -> None:
    found = replies(wire)
    assert found == [reply], CHANGED + f"Reader.gets() read {wire!r} as {found!r}"
    assert type(found[0]) is type(reply), CHANGED + f"Reader.gets() read {wire!r} as {type(found[0])}"


def test_an_incomplete_reply_is_false_and_completes_with_later_data() -> None:
    reader = hiredis.Reader()
    assert reader.gets() is False, CHANGED + "Reader.gets() without data"
    reader.feed(b"$6\r\nabc")
    assert reader.gets() is False, CHANGED + "Reader.gets() with half a reply"
    reader.feed(b"def\r\n+next\r\n")
    assert [reader.gets(), reader.gets(), reader.gets()] == [b"abcdef", b"next", False], CHANGED + "order of replies"


def test_replies_of_any_split_arrive_in_order() -> None:
    wire = b"".join(b"$%d\r\n%b\r\n" % (len(b"%d" % number), b"%d" % number) for number in range(50))
    expected = [b"%d" % number for number in range(50)]
    for size in (1, 2, 7, 100):
        chunks = [wire[start : start + size] for start in range(0, len(wire), size)]
        assert replies(*chunks) == expected, CHANGED + f"replies in chunks of {size} bytes"


def test_an_error_reply_is_returned_and_not_raised() -> None:
    error, after = replies(b"-NOSCRIPT No matching script.\r\n+OK\r\n")
    assert isinstance(error, hiredis.ReplyError), CHANGED + f"an error reply is {error!r}"
    assert str(error).startswith("NOSCRIPT "), CHANGED + f"the text of an error reply is {error}"
    assert after == b"OK", CHANGED + "the reply after an error reply"
    command = SimpleCommand("EVALSHA", "0")
    command.resolve(error)
    with pytest.raises(hiredis.ReplyError, match="NOSCRIPT"):
        command.result()


def test_garbage_raises_a_protocol_error() -> None:
    with pytest.raises(hiredis.ProtocolError):
        replies(b"HTTP/1.1 400 Bad Request\r\n")


def test_errors_share_a_base_class() -> None:
    """RedisSupervisor catches HiredisError to reconnect, so both errors must be of that class and no other."""
    for error in (hiredis.ReplyError, hiredis.ProtocolError):
        assert issubclass(error, hiredis.HiredisError), CHANGED + f"{error} is no HiredisError"
        assert not issubclass(error, OSError), CHANGED + f"{error} is an OSError, like RedisDownError"


def test_commands_are_packed_as_arrays_of_byte_strings() -> None:
    packed = pack_command(("SET", b"\x00\xff", 42, "ä"))
    expected = b"*4\r\n$3\r\nSET\r\n$2\r\n\x00\xff\r\n$2\r\n42\r\n$2\r\n\xc3\xa4\r\n"
    assert packed == expected, CHANGED + f"pack_command returns {packed!r}"
    assert type(packed) is bytes, CHANGED + f"pack_command returns {type(packed)}"
