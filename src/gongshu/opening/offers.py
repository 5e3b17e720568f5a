"""Data given by society (社会提供): an offer comes in, the platform operator decides, its giver becomes an organisation of its own."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from stdnum.cn import uscc

from gongshu import clock, deadlines
from gongshu.opening import problems, terms
from gongshu.opening.models import Offer
from gongshu.opening.readers import READER, address_of, derived_secret, hashed
from gongshu.oversight import log
from gongshu.parties import actions as parties
from gongshu.parties.models import Organisation, Person, Role
from gongshu.parties.notices import notify
from gongshu.parties.permissions import check_may, people_who_may
from gongshu.tables.errors import TableError

State, Giver = Offer.State, Offer.Giver
SHORT, LONG = 200, 2000
WORDS = {  # what must be written: how it is called, how long it may be
    "name": (gettext_lazy("名称"), SHORT),
    "contact": (gettext_lazy("联系人"), 100),
    "title": (gettext_lazy("数据的名称"), SHORT),
    "description": (gettext_lazy("数据说明"), LONG),
    "origin": (gettext_lazy("数据来源"), LONG),
    "rights": (gettext_lazy("权利声明"), LONG),
}
CHECKED = ("own_right", "no_personal", "lasting")  # what the giver declares, each ticked


def offer(values: dict[str, str], declared: set[str], language: str = "zh-hans") -> tuple[Offer, str]:
    """Take in an offer; returns it with the secret of its giver's link, which is not kept. TableError for what is missing."""
    given = {name: values.get(name, "").replace("\0", "").strip() for name in WORDS}
    given["name"], given["title"] = " ".join(given["name"].split()), " ".join(given["title"].split())
    kind, code = values.get("giver", ""), values.get("credit_code", "").strip().upper()
    if kind not in Giver.values:
        raise TableError("giver_required", "请选择是单位还是个人")
    for name, (called, most) in WORDS.items():
        if not given[name]:
            raise TableError("field_required", "请填写“{field}”", field=str(called))
        if len(given[name]) > most:
            raise TableError("text_long", "说明请不超过 {limit} 字", limit=most)
    if kind == Giver.FIRM and not uscc.is_valid(code):
        raise TableError("credit_code_wrong", "统一社会信用代码「{given}」的校验位不对，请核对", given=code[:18])
    if values.get("licence") not in terms.given_licences():
        raise TableError("licence_required", "请选择使用许可")
    if not set(CHECKED) <= declared:
        raise TableError("declaration_required", "请逐条确认声明")
    email = address_of(values.get("email", ""))
    with transaction.atomic():
        now = clock.now()
        number = problems.next_number(now)
        secret = derived_secret("offer", number)
        made = Offer.objects.create(
            number=number,
            giver=kind,
            credit_code=code if kind == Giver.FIRM else "",
            email=email,
            licence=values["licence"],
            secret_sha256=hashed(secret),
            language=language,
            made_at=now,
            due_at=deadlines.due("offer", "decide", now),
            **given,
        )
        log.append(READER, "offer.make", f"offer:{number}", giver=kind)
        notify(
            people_who_may("offer.decide", Organisation()),
            "offer.waits",
            reverse("offer", args=[number]),
            f"offer.waits:{number}",
            due_at=made.due_at,
            title=made.title,
            by=made.name,
        )
    return made, secret


def of_secret(secret: str) -> Offer | None:
    """The offer of a link's secret."""
    return Offer.objects.filter(secret_sha256=hashed(secret)).first()


def decide(actor: Person, row: Offer, accepted: bool, reason: str) -> tuple[Offer, str]:
    """Accept or refuse an offer, with the reason. Accepting registers the giver and invites the contact as its steward:
    the link of the invitation is returned, which the decision's letter says too; "" when there is none.

    TableError when it was decided meanwhile, the reason is missing, or the name belongs to a public body.
    """
    with transaction.atomic():
        row = Offer.objects.select_for_update().get(pk=row.pk)
        check_may(actor, "offer.decide", 0)
        if row.state != State.OPEN:
            raise TableError("decided_already", "这份申请已有决定，请看最新状态")
        if not reason.strip() or len(reason) > LONG:
            raise TableError(
                "reason_required", "请写明理由：{what}", what=str((State.ACCEPTED if accepted else State.REFUSED).label)
            )
        row.state = State.ACCEPTED if accepted else State.REFUSED
        row.decided_by, row.decided_at, row.reason = actor, clock.now(), reason.strip()
        link = ""
        if accepted:
            row.organisation = _organisation(actor, row)
            link = _invitation(actor, row)
        row.save()
        log.append(actor.actor_id, f"offer.{row.state}", f"offer:{row.number}")
    return row, link


def _organisation(actor: Person, row: Offer) -> Organisation:
    """The giver's organisation: the one of an earlier offer, or a new one."""
    known = Organisation.objects.filter(name=row.name).first()
    if known is None and row.credit_code:
        known = Organisation.objects.filter(credit_code=row.credit_code).first()
    if known is None:
        made = Organisation(
            code=f"society-{row.number}", name=row.name, kind=Organisation.Kind.SOCIETY, credit_code=row.credit_code
        )
        return parties.save_organisation(actor, made)
    earlier = Offer.objects.filter(organisation=known)
    same = earlier.filter(credit_code=row.credit_code) if row.credit_code else earlier.filter(email__iexact=row.email)
    if known.kind != Organisation.Kind.SOCIETY or not same.exists():
        # somebody else's name: nobody becomes a member of an organisation by writing its name into a form
        raise TableError("organisation_known", "机构「{name}」已登记过（名称、代码或信用代码相同）", name=row.name)
    return known


def _invitation(actor: Person, row: Offer) -> str:
    """The link by which the contact becomes the steward; "" for somebody who is it already."""
    assert row.organisation is not None
    members = row.organisation.memberships.filter(role=Role.STEWARD, ended=None)
    if members.filter(person__email__iexact=row.email, person__is_active=True).exists():
        return ""
    secret = _secret(row)
    parties.invite(actor, row.organisation, Role.STEWARD, row.email, row.contact, secret=secret)
    return _link(secret)


def letter(row: Offer) -> list[str]:
    """What the contact is told of a decision: the subject and the lines, with the invitation as long as it is open."""
    said = [
        _("提供数据的申请 %(number)s 有了答复") % {"number": row.number},
        row.contact,
        _("您提供《%(title)s》的申请（%(number)s）：%(state)s。")
        % {"title": row.title, "number": row.number, "state": _(row.get_state_display())},
        _("理由：%(reason)s") % {"reason": row.reason},
    ]
    if parties.open_invitation(_secret(row)) is not None:
        said.append(_("请打开下面的地址设定账号，然后上传数据、写明说明、送审；平台审核通过后公开："))
        said.append(_link(_secret(row)))
    return said


def _secret(row: Offer) -> str:
    """The secret of the invitation that follows the offer; made again for the letter, so that the database needs not know it."""
    return derived_secret("offer-invitation", row.number)


def _link(secret: str) -> str:
    return f"{settings.SITE_URL}{reverse('invitation', args=[secret])}"
