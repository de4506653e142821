"""The stand-in Hub's users, their tokens and rights, and its refusals."""

import dataclasses
from typing import Dict, Optional

from hub_wire import Refusal


@dataclasses.dataclass(frozen=True)
class Token:
    user: str
    role: str  # "read" or "write"


TOKENS: Dict[str, Token] = {
    "hf_alice_write": Token("alice", "write"),
    "hf_alice_read": Token("alice", "read"),
    "hf_bob_write": Token("bob", "write"),
    "hf_bob_read": Token("bob", "read"),
    "hf_carol_write": Token("carol", "write"),
}
# The members of each organization, and their roles.
ORGANISATIONS: Dict[str, Dict[str, str]] = {"acme": {"alice": "admin", "carol": "read"}}
INSIDE = Token("", "inside")  # for signed URLs


def authenticate(authorization: Optional[str]) -> Optional[Token]:
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or token not in TOKENS:
        raise Refusal(401, "Invalid credentials in Authorization header")
    return TOKENS[token]


def owns(token: Optional[Token], namespace: str) -> bool:
    if token is None:
        return False
    members = ORGANISATIONS.get(namespace, {})
    return token is INSIDE or token.user == namespace or token.user in members


def missing(token: Optional[Token], modes: dict) -> Refusal:
    """The Hub's refusal for a repository that is missing, or that the user may not see."""
    if token is None and modes["anonymous_missing"] == 401:
        return Refusal(401, "Invalid username or password.")
    return Refusal(404, "Repository not found", "RepoNotFound")


def check_read(token: Optional[Token], repo, modes: dict) -> None:
    if repo.private and not owns(token, repo.owner):
        raise missing(token, modes)


def check_access(token: Optional[Token], repo) -> None:
    """Refuses files of a gated repository to users without access."""
    if not repo.gated or owns(token, repo.owner):
        return
    restricted = f"Access to model {repo.id} is restricted"
    if token is None:
        words = "You must have access to it and be authenticated to access it. Please log in."
        raise Refusal(401, f"{restricted}. {words}", "GatedRepo")
    words = f"you are not in the authorized list. Visit /{repo.id} to ask for access."
    raise Refusal(403, f"{restricted} and {words}", "GatedRepo")


def check_write(token: Optional[Token], namespace: str, what: str) -> None:
    if token is None:
        raise Refusal(401, "Invalid username or password.")
    role = ORGANISATIONS.get(namespace, {}).get(token.user)
    if not owns(token, namespace) or role == "read":
        raise Refusal(403, f"You don't have the rights to {what} under the namespace {namespace}")
    if token.role != "write":
        raise Refusal(403, "Forbidden: you must use a write token to upload to a repository.")


def whoami(token: Optional[Token]) -> dict:
    if token is None:
        raise Refusal(401, "Invalid username or password.")
    roles = {name: members.get(token.user) for name, members in ORGANISATIONS.items()}
    return {
        "type": "user",
        "id": token.user,
        "name": token.user,
        "fullname": token.user.title(),
        "email": token.user + "@example.org",
        "emailVerified": True,
        "isPro": False,
        "canPay": False,
        "avatarUrl": "",
        "periodEnd": None,
        "orgs": [
            {"type": "org", "name": name, "fullname": name, "roleInOrg": role}
            for name, role in roles.items()
            if role
        ],
        "auth": {
            "type": "access_token",
            "accessToken": {"displayName": "test", "role": token.role},
        },
    }
