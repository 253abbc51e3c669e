"""The one address that a load test calls: every spelling of a forbidden one is refused, and it is resolved once."""

from __future__ import annotations

import pytest

from wherewithal.errors import InputError
from wherewithal.measure.load.address import Address, read

# Link-local, metadata of clouds, "any", groups: however they are spelt.
FORBIDDEN = [
    "http://169.254.169.254",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166",
    "http://0xa9fea9fe",
    "http://0xA9.0xFE.0xA9.0xFE",
    "http://0251.0376.0251.0376",
    "http://169.254.43518",
    "http://169.16689662",
    "http://[::ffff:169.254.169.254]",
    "http://[::ffff:a9fe:a9fe]",
    "http://[::169.254.169.254]",
    "http://[64:ff9b::a9fe:a9fe]",
    "http://[2002:a9fe:a9fe::1]",
    "http://[fd00:ec2::254]",
    "http://[fd20:ce::254]",
    "http://[fe80::1]",
    "http://100.100.100.200",
    "http://168.63.129.16",
    "http://192.0.0.192",
    "http://0.0.0.0:8000",
    "http://[::]:8000",
    "http://224.0.0.1",
    "http://255.255.255.255",
    "http://[ff02::1]",
    "http://\uff11\uff16\uff19.254.169.254",
    "http://169\u3002254\u3002169\u3002254",
    "https://169.254.169.254.",
]
UNREADABLE = [
    "ftp://127.0.0.1", "file:///etc/passwd", "127.0.0.1:8000", "http://", "http://user:hunter2@127.0.0.1", "http://a@169.254.169.254",
    "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://127.0.0.1/?key=1", "http://127.0.0.1/#x", "http://127.0.0.1/a b",
    "http://127.0.0.1\\@169.254.169.254", "http://127.0.0.1\n", "http://127.0.0.1/../x", "http://127.0.0.1/%2e%2e", "gopher://x",
    "http://[::1", "http://ex ample", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("url", FORBIDDEN)
def test_forbidden_addresses_are_refused_in_every_spelling(url: str) -> None:
    with pytest.raises(InputError, match=r"address for machines|cannot be resolved|host "):
        read(url)


def test_they_are_refused_for_what_they_are() -> None:
    """Not for want of a resolver: those that this system resolves lead to the address itself."""
    said = []
    for url in FORBIDDEN:
        with pytest.raises(InputError) as caught:
            read(url)
        said.append(str(caught.value))
    assert sum("for machines to ask about themselves" in s for s in said) >= 22, said


@pytest.mark.parametrize("url", UNREADABLE)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        read(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "found", [["169.254.169.254"], ["127.0.0.1", "169.254.169.254"], ["::ffff:169.254.1.1"], ["fe80::1%eth0"]]
)
def test_a_name_that_leads_there_is_refused(found: list[str]) -> None:
    with pytest.raises(InputError, match="for machines"):
        read("http://server.example", lambda host, port: found)


def test_a_name_is_resolved_once_and_pinned() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.7"] if len(asked) == 1 else ["169.254.169.254"]

    found = read("https://Models.Example:8443/proxy/v1/chat/completions", resolve)
    assert asked == ["models.example"]
    assert found == Address("https", "models.example", 8443, "/proxy", "10.0.0.7", True)
    assert found.base == "https://models.example:8443/proxy"


@pytest.mark.parametrize(
    ("url", "base", "private"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8000/v1/completions", "http://127.0.0.1:8000", True),
        ("http://[::1]:8000", "http://[::1]:8000", True),
        ("http://192.168.1.9", "http://192.168.1.9", True),
        ("http://172.31.0.1", "http://172.31.0.1", True),
        ("http://172.32.0.1", "http://172.32.0.1", False),
        ("https://8.8.8.8", "https://8.8.8.8", False),
        ("http://[::ffff:10.0.0.1]", "http://[::ffff:10.0.0.1]", True),
        ("http://[2001:db8::1]", "http://[2001:db8::1]", False),
    ],
)
def test_addresses_that_may_be_called(url: str, base: str, private: bool) -> None:
    found = read(url)
    assert (found.base, found.private) == (base, private)


def test_a_name_without_an_address() -> None:
    with pytest.raises(InputError, match="has no address"):
        read("http://nowhere.example", lambda host, port: [])
    with pytest.raises(InputError, match="no IP address"):
        read("http://nowhere.example", lambda host, port: ["nonsense"])
