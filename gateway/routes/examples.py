"""Examples in the OpenAPI description; a test sends each of them and expects to be understood."""

from typing import Any

_PERSON = {"person_id": "analyst-7"}
_ID = "0b0e7f1c-6d0c-4d2c-9a53-8f6f2b1f7c11"
_SPAN = {"from_at": "2026-03-10T12:00:00Z", "until_at": "2027-03-10T12:00:00Z"}

ACTS: dict[str, dict[str, Any]] = {
    "access-requested": {"authorization_id": _ID, "assignment": "auto theft", "purpose": "stolen cars"},
    "access-approved": {
        **_PERSON,
        **_SPAN,
        "authorization_id": _ID,
        "document_id": "memo-26-17",
        "assignment": "auto theft",
        "purpose": "stolen cars",
        "shift": "07:00-17:00",
    },
    "access-denied": {**_PERSON, "authorization_id": _ID, "reason": "patrol does not need it"},
    "access-authorized": {**_PERSON, "authorization_id": _ID},
    "access-reviewed": {**_PERSON, "document_id": "review-27-3"},
    "authorization-revoked": {**_PERSON, "reason": "left the unit"},
    "assignment-changed": {**_PERSON, "assignment": "patrol"},
    "training-recorded": {**_PERSON, **_SPAN, "trained_by": "trainer-3", "document_id": "course-26-2"},
    "role-assigned": {**_PERSON, "role": "investigator"},
    "role-ended": {**_PERSON, "role": "investigator", "reason": "other work"},
    "delegation-given": {"delegate_id": "deputy-4", "document_id": "memo-26-20", **_SPAN},
    "delegation-ended": {"delegate_id": "deputy-4"},
    "case-registered": {"case_number": "26-012345", "offence_category": "stolen-vehicle"},
    "case-closed": {"case_number": "26-012345"},
    "tracking-permitted": {
        **_PERSON,
        "permit_id": _ID,
        "plate": "ABC123",
        "case_number": "26-012345",
        "basis": "warrant",
        "warrant_number": "62-CR-26-100",
        "text": "The district court lets the suspect's car be followed until arrest",
        "until_at": "2026-04-10T12:00:00Z",
    },
    "tracking-ended": {"permit_id": _ID},
    "staff-plate-noted": {**_PERSON, "plate": "ABC123"},
    "flag-reviewed": {"flag_id": _ID, "finding": "in-order", "text": "The shift was swapped in writing."},
    "suspension-ordered": {"document_id": "order-26-1", "ordered_by": "district-court"},
    "suspension-lifted": {"document_id": "order-26-2"},
}

_SELECTION = {"by": "plate", "collected_from": "2026-03-01T00:00:00Z", "collected_until": "2026-06-01T00:00:00Z"}
HOLD: dict[str, Any] = {
    "case_number": "26-012345",
    "document_id": "memo-26-18",
    "selection": _SELECTION,
    "plates": ["ABC123"],
    "attested_days": 90,
}
EXCULPATORY: dict[str, Any] = {**HOLD, "case_number": "62-CR-26-200", "document_id": "letter-26-3"}
HOLD_CHANGE: dict[str, Any] = {"change": "attested", "document_id": "memo-26-31", "attested_days": 90}
EVIDENCE: dict[str, Any] = {"document_id": "subpoena-26-7", "recipient": "county-attorney"}
SUPPRESSION: dict[str, Any] = {"plate": "ABC123", "until_at": "2030-03-10T12:00:00Z"}
SUPPRESSION_ENDED: dict[str, Any] = {"plate": "ABC123"}
