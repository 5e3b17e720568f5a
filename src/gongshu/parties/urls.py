"""Addresses under /account/: signing in, and one's own account. Their names are allauth's, which its views reverse."""

from __future__ import annotations

from allauth.account import views as sign_in
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import path

from gongshu.parties.account_pages import Sessions, account, together

urlpatterns = [
    path("", account, name="account"),
    path("", account, name="mfa_index"),
    path("login", sign_in.login, name="login"),
    path("login", sign_in.login, name="account_login"),
    path("logout", sign_in.logout, name="logout"),
    path("logout", sign_in.logout, name="account_logout"),
    path("signup", sign_in.signup, name="account_signup"),
    path("inactive", sign_in.account_inactive, name="account_inactive"),
    path("confirm", sign_in.reauthenticate, name="account_reauthenticate"),
    path("password", together(sign_in.password_change), name="account_change_password"),
    path("password/set", together(sign_in.password_set), name="account_set_password"),
    path("password/reset", sign_in.password_reset, name="account_reset_password"),
    path("password/reset/sent", sign_in.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done", sign_in.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path(
        "password/reset/<str:uidb36>-<path:key>",
        together(sign_in.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("sessions", together(Sessions.as_view()), name="usersessions_list"),
    path("code", factors.authenticate, name="mfa_authenticate"),
    path("confirm/code", factors.reauthenticate, name="mfa_reauthenticate"),
    path("authenticator", together(totp.activate_totp), name="mfa_activate_totp"),
    path("authenticator/remove", together(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("recovery-codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/new", together(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("recovery-codes/file", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("passkeys", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("passkeys/new", together(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("passkeys/login", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("passkeys/confirm", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("passkeys/<int:pk>/remove", together(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("passkeys/<int:pk>/edit", together(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
]
