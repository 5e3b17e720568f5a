"""Where allauth asks us: who may come in, whose failures are counted, what is said, how secrets are kept."""

from __future__ import annotations

import base64
import unicodedata
from typing import Any
from urllib.parse import quote

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from gongshu.parties import account_events, mail
from gongshu.parties.authentication import may_come_in
from gongshu.parties.models import Person
from gongshu.seals.keys import read_or_make_key

REFUSED = _("账号或密码不对，或这个账号不能从这里登录。演示账号只能在本机使用。")
LOCKED = _(
    "失败次数太多，这个账号暂时不能用密码登录。请十五分钟后再试；已有通行密钥的可以现在用它登录，忘记密码可以重设。"
)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People come by invitation; an account is locked by its failures, whichever of its names was typed."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": REFUSED,
        "email_password_mismatch": REFUSED,
        "too_many_login_attempts": LOCKED,
        "incorrect_password": _("密码不对。"),
        "enter_current_password": _("现在的密码不对。"),
        "incorrect_code": _("验证码不对，或已经用过。"),
        "rate_limited": _("请求太频繁了，请稍等再试。"),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: the operator of an organisation invites."""
        return False

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """Stop a demo account before any further step, by whichever way it came."""
        if not may_come_in(user, request):
            return self._refuse(request)
        refused: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return refused

    def login(self, request: HttpRequest, user: Any) -> None:
        """Begin the session; asked again here because the last step may come from another place than the first."""
        if not may_come_in(user, request):
            raise ImmediateHttpResponse(self._refuse(request))
        super().login(request, user)

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        account_events.sign_in_failed(request, "demo")
        messages.error(request, str(REFUSED))
        return redirect("login")

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt; ValidationError, and once an event, when there were too many."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            account_events.locked_out(request, self._get_login_attempts_cache_key(request, **credentials))
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Write the event of a failed password."""
        account_events.sign_in_failed(request, self._get_login_attempts_cache_key(request, **credentials))

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """One key an account: its username, its e-mail and their spellings are counted together."""
        name = unicodedata.normalize("NFKC", credentials.get("username") or credentials.get("email") or "").casefold()
        found = list(Person.objects.filter(Q(username__iexact=name) | Q(email__iexact=name)).values_list("pk")[:2])
        return f"person:{found[0][0]}" if name and len(found) == 1 else f"name:{name}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send in the background: neither how long it takes nor its failure tells whether the account exists."""
        city = settings.CITY.get(get_language() or "", settings.CITY["zh-hans"])
        mail.send_later(self.render_mail(template_prefix, email, {"email": email, "city": city, **context}))

    def format_email_subject(self, subject: str) -> str:
        """The subject as the template says it."""
        return subject

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The link of the e-mail, on the address of the site as it is set and not as the request spelt it."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return str(settings.SITE_URL + path.replace("UID-KEY", quote(key)))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to the page of the account."""
        return reverse("account")

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """allauth's, in our words."""
        said = {
            "reauthenticate": gettext("改用密码确认"),
            "mfa_reauthenticate": gettext("改用验证码或恢复码确认"),
            "mfa_reauthenticate:webauthn": gettext("改用通行密钥确认"),
        }
        found = super().get_reauthentication_methods(user)
        return [method | {"description": said[method["id"]]} for method in found]


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are encrypted with a key of the installation, which no backup of data holds."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("验证码不对，或已经用过。"),
        "key_lost": _("平台的密钥换过，您的验证器与恢复码不能再用：请用通行密钥，或请平台运营移除验证方式。"),
        "cannot_delete_authenticator": _("这个验证方式不能移除。"),
        "cannot_generate_recovery_codes": _("先启用验证器或通行密钥，才有恢复码。"),
    }

    def encrypt(self, text: str) -> str:
        """``text`` as a Fernet token."""
        return self._fernet().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """The text of a token of :meth:`encrypt`; InvalidToken when the key is another one."""
        return self._fernet().decrypt(encrypted_text.encode("ascii")).decode()

    def get_totp_issuer(self) -> str:
        """The name that an authenticator app shows."""
        city: str = settings.CITY.get(get_language() or "", settings.CITY["zh-hans"])
        return f"{gettext('公数')} {city}"

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        """A first name for a new passkey."""
        number = user.authenticator_set.filter(type=type).count() + 1
        return gettext("通行密钥 %(number)s") % {"number": number}

    @staticmethod
    def _fernet() -> Fernet:
        return Fernet(base64.urlsafe_b64encode(read_or_make_key(settings.DATA / "keys", "factors")))
