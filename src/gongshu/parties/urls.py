"""Addresses under /account/: signing in, and one's own account. Their names are allauth's, which its views reverse."""

from __future__ import annotations

from allauth.account import views as sign_in
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import path, re_path

from gongshu.parties import inbox_pages, people_pages
from gongshu.parties.account_pages import Sessions, account, together
from gongshu.web.access import SIGNED_IN, needs, public

own = needs(SIGNED_IN)  # a page of everybody's own account

urlpatterns = [
    path("tokens", people_pages.tokens, name="tokens"),
    path("permissions", people_pages.permission_table, name="permissions"),
    path("people", people_pages.organisation_people, name="organisation_people"),
    path("people/new", people_pages.organisation_edit, name="organisation_new"),
    path("people/<slug:code>", people_pages.people, name="people"),
    path("people/<slug:code>/edit", people_pages.organisation_edit, name="organisation_edit"),
    path("people/<slug:code>/<str:username>/leave", people_pages.leave, name="leave"),
    path("people/<slug:code>/<str:username>/factors", people_pages.remove_factors, name="remove_factors"),
    path("invitations/<uuid:invitation_id>/revoke", people_pages.uninvite, name="uninvite"),
    path("invitation/<str:secret>", people_pages.accept, name="invitation"),
    path("inbox", inbox_pages.inbox, name="inbox"),
    path("inbox/read", inbox_pages.read_all, name="inbox_read"),
    path("", account, name="account"),
    path("", account, name="mfa_index"),
    # on the way in
    path("login", public(sign_in.login), name="login"),
    path("login", public(sign_in.login), name="account_login"),
    path("login/passkey", public(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("login/code", public(factors.authenticate), name="mfa_authenticate"),
    path("logout", public(sign_in.logout), name="logout"),
    path("logout", public(sign_in.logout), name="account_logout"),
    path("signup", public(sign_in.signup), name="account_signup"),
    path("inactive", public(sign_in.account_inactive), name="account_inactive"),
    path("reset", public(sign_in.password_reset), name="account_reset_password"),
    path("reset/sent", public(sign_in.password_reset_done), name="account_reset_password_done"),
    path("reset/done", public(sign_in.password_reset_from_key_done), name="account_reset_password_from_key_done"),
    re_path(
        r"^reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        public(together(sign_in.password_reset_from_key)),
        name="account_reset_password_from_key",
    ),
    # showing again who one is
    path("confirm", own(sign_in.reauthenticate), name="account_reauthenticate"),
    path("confirm/code", own(factors.reauthenticate), name="mfa_reauthenticate"),
    path("confirm/passkey", own(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    # one's own account
    path("password", own(together(sign_in.password_change)), name="account_change_password"),
    path("password/set", own(together(sign_in.password_set)), name="account_set_password"),
    path("sessions", own(together(Sessions.as_view())), name="usersessions_list"),
    path("authenticator", own(together(totp.activate_totp)), name="mfa_activate_totp"),
    path("authenticator/remove", own(together(totp.deactivate_totp)), name="mfa_deactivate_totp"),
    path("recovery-codes", own(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("recovery-codes/new", own(together(codes.generate_recovery_codes)), name="mfa_generate_recovery_codes"),
    path("recovery-codes/file", own(codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("passkeys", own(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path("passkeys/new", own(together(passkeys.add_webauthn)), name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/remove", own(together(passkeys.remove_webauthn)), name="mfa_remove_webauthn"),
    path("passkeys/<int:pk>/edit", own(together(passkeys.edit_webauthn)), name="mfa_edit_webauthn"),
]
