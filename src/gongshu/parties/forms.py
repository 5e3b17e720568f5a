"""allauth's forms for codes, stricter: a code counts once, however the clocks stand."""

from __future__ import annotations

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError

from gongshu.parties import account_events

PERIOD_SECONDS = 30  # of a code of an authenticator app, RFC 6238


class _OnceOnly(forms.BaseAuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        """The code; ValidationError when it is wrong, was used, or after too many failures."""
        from allauth.core import context

        try:
            code: str = super().clean_code()
        except InvalidToken:  # the installation's key is another one than the factor was kept with
            raise get_adapter().validation_error("key_lost") from None
        except ValidationError as error:
            if error.code == "too_many_login_attempts":
                account_events.locked_out(context.request, f"mfa-auth-user-{self.user.pk}")
            raise
        if self.authenticator.type == Authenticator.Type.TOTP:
            # allauth remembers a code for one period; with a tolerance it is good for longer
            digits = "".join(sign for sign in code if sign.isdigit())
            seconds = PERIOD_SECONDS * (2 * settings.MFA_TOTP_TOLERANCE + 1)
            if not cache.add(f"gongshu.totp:{self.user.pk}:{digits}", 1, timeout=seconds):
                raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_OnceOnly, forms.AuthenticateForm):  # type: ignore[misc]
    """The second step of signing in."""


class ReauthenticateForm(_OnceOnly, forms.ReauthenticateForm):  # type: ignore[misc]
    """Showing again who one is, before factors change."""
