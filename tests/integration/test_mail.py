"""Mail through a real SMTP server: STARTTLS, an account, and what happens to an address that refuses."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.cache import caches
from django.core.mail import EmailMessage

from gongshu.parties import mail
from gongshu.parties.models import Notice
from gongshu.parties.tasks import send_mails
from tests import people

pytestmark = pytest.mark.django_db


class Post:
    """A mail server's rules: ``gone@`` is refused for ever, ``full@`` for now."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.tried: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.tried.append(address)
        if address.startswith(("gone@", "full@")):
            return "550 no such mailbox" if address.startswith("gone@") else "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append((envelope.rcpt_tos[0], f"{message['subject']}\n{message.get_content()}"))
        return "250 OK"


@pytest.fixture
def post(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """A server that wants STARTTLS and a password; settings as an operator would write them."""
    key, file = ec.generate_private_key(ec.SECP256R1()), tmp_path / "server.pem"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    rules = Post()

    def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"city", b"secret"))

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(
        rules,
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=True,
        authenticator=judge,
        auth_required=True,
    )
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, settings.EMAIL_USE_TLS = "city", "secret", True
    yield rules
    controller.stop()


def _noticed(name: str, email: str) -> Notice:
    person = people.person(name, "steward", people.organisation(), email=email)
    return Notice.objects.create(person=person, template="handover.received", facts={"count": 1, "by": "甲"}, url="/x")


def test_notices_go_out_encrypted_and_a_refused_address_keeps_nobody_elses(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, full = _noticed("gone", "gone@example.org"), _noticed("full", "full@example.org")
    good = _noticed("good", "good@example.org")
    send_mails()
    assert [to for to, _ in post.taken] == ["good@example.org"]
    assert "/x" in post.taken[0][1]
    for notice in (gone, full, good):
        notice.refresh_from_db()
    assert good.mailed_at and gone.mailed_at, "what is refused for ever is not tried again"
    assert full.mailed_at is None, "what is refused for now is"
    monkeypatch.setattr(mail, "AT_ONCE", 1)
    late = _noticed("late", "late@example.org")
    send_mails()
    late.refresh_from_db()
    assert late.mailed_at, "what waits takes nobody's turn"
    caches["process"].clear()  # an hour later
    send_mails()
    assert post.tried.count("full@example.org") == 2


def test_a_server_that_is_not_who_it_says_gets_no_mail(
    post: Post, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    with pytest.raises(ssl.SSLCertVerificationError):
        EmailMessage("题", "文", to=["good@example.org"]).send()
    assert post.taken == []
