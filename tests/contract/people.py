"""What every memory of people promises: rows of one person, and look-ups that find one thing and no more."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from prudent.access.envelope import MasterKey, Place, rewrap, seal, unseal
from prudent.access.stores import Directory, People
from prudent.access.tokens import fresh_session, fresh_token
from prudent.domain.errors import InputError, StoreError
from prudent.domain.people import ApiToken, LoginSession, Role, Scope, UserStatus

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PeopleOf = Callable[[str], People]


def known(people_of: PeopleOf, owner: str, name: str) -> People:
    people = people_of(owner)
    people.add_user(name, role=Role.USER, status=UserStatus.ACTIVE, password="$hash", at=NOW)
    return people


def session_of(people: People, *, created: datetime = NOW) -> LoginSession:
    session = LoginSession(
        owner=people.owner, session_id=fresh_session().digest, created=created, seen=created,
        expires=created + timedelta(hours=12), client="a browser",
    )  # fmt: skip
    people.add_session(session, failed_before=0, replaces=None)
    return session


def token_of(people: People, name: str = "ci") -> ApiToken:
    fresh = fresh_token()
    token = ApiToken(
        owner=people.owner, token_id=fresh.digest[:12], name=name, digest=fresh.digest,
        scopes=frozenset({Scope.READ, Scope.TRADE}), created=NOW, expires=NOW + timedelta(days=3),
        hosts=("10.0.0.0/8",),
    )  # fmt: skip
    people.add_token(token)
    return token


class OnePersonContract:
    """With fixtures `people_of` and `directory` over one empty database."""

    def test_a_person_is_found_as_they_were_added(self, people_of: PeopleOf, directory: Directory) -> None:
        assert people_of("local").user() is None
        assert directory.owners() == ()
        known(people_of, "local", "ann")
        user = people_of("local").user()
        assert user is not None
        assert (user.owner, user.name, user.role, user.status) == ("local", "ann", Role.USER, UserStatus.ACTIVE)
        assert (user.password, user.created, user.password_changed) == ("$hash", NOW, NOW)
        assert directory.find_user("ann") == user
        assert directory.find_user("Ann") is None
        assert directory.owners() == ("local",)

    def test_a_new_password_ends_every_session(self, people_of: PeopleOf, directory: Directory) -> None:
        people = known(people_of, "local", "ann")
        session = session_of(people)
        later = NOW + timedelta(minutes=1)
        people.set_password("$other", status=UserStatus.ACTIVE, at=later)
        found = directory.find_session(session.session_id)
        assert found is not None
        assert found.revoked == later
        user = people.user()
        assert user is not None
        assert (user.password, user.password_changed) == ("$other", later)

    def test_a_refreshed_hash_ends_no_session(self, people_of: PeopleOf, directory: Directory) -> None:
        people = known(people_of, "local", "ann")
        session = session_of(people)
        people.refresh_hash("$dearer")
        assert directory.find_session(session.session_id) == session
        user = people.user()
        assert user is not None
        assert (user.password, user.password_changed) == ("$dearer", NOW)

    def test_disabling_ends_sessions_and_revokes_tokens(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        session_of(people)
        token_of(people)
        people.set_status(UserStatus.DISABLED, by="root", at=NOW)
        assert [each.revoked for each in people.sessions()] == [NOW]
        assert [each.revoked for each in people.tokens()] == [NOW]
        user = people.user()
        assert user is not None
        assert user.status is UserStatus.DISABLED

    def test_a_session_that_replaces_another_ends_it(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        first = session_of(people)
        second = replace(first, session_id=fresh_session().digest, created=NOW + timedelta(minutes=5))
        people.add_session(second, failed_before=2, replaces=first.session_id)
        assert [(each.session_id, each.revoked is None) for each in people.sessions()] == [
            (first.session_id, False), (second.session_id, True),
        ]  # fmt: skip

    def test_a_session_ends_once(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        session = session_of(people)
        people.saw_session(session.session_id, at=NOW + timedelta(minutes=2))
        assert people.sessions()[0].seen == NOW + timedelta(minutes=2)
        assert people.end_session(session.session_id, at=NOW)
        assert not people.end_session(session.session_id, at=NOW)
        assert not people.end_session("no such", at=NOW)
        session_of(people)
        assert people.end_sessions(at=NOW) == 1

    def test_a_token_is_found_by_its_digest_alone(self, people_of: PeopleOf, directory: Directory) -> None:
        people = known(people_of, "local", "ann")
        token = token_of(people)
        assert directory.find_token(token.digest) == token
        assert directory.find_token(token.token_id) is None
        people.used_token(token.token_id, at=NOW)
        assert people.tokens()[0].last_used == NOW

    def test_two_standing_tokens_of_one_name_are_refused(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        first = token_of(people)
        with pytest.raises(InputError, match="taken"):
            token_of(people)
        assert people.revoke_token(first.token_id, at=NOW)
        assert not people.revoke_token(first.token_id, at=NOW)
        assert token_of(people).name == first.name

    def test_the_next_version_of_a_secret_destroys_the_one_before(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        key = MasterKey.fresh()
        for version in (1, 2):
            place = Place(owner="local", name="k", version=version)
            people.put_secret(seal(f"value {version}", place, key=key, at=NOW))
        standing = people.secret("k")
        assert standing is not None
        assert unseal(standing, keys=(key,)) == "value 2"
        assert [each.version for each in people.secrets()] == [2]
        assert people.retire_secret("k", at=NOW)
        assert not people.retire_secret("k", at=NOW)
        assert (people.secret("k"), people.secret_version("k")) == (None, 2)

    def test_a_version_that_somebody_else_took_is_refused(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        sealed = seal("v", Place(owner="local", name="k", version=1), key=MasterKey.fresh(), at=NOW)
        people.put_secret(sealed)
        ahead = seal("w", Place(owner="local", name="k", version=3), key=MasterKey.fresh(), at=NOW)
        for wrong in (sealed, ahead):
            with pytest.raises(StoreError):
                people.put_secret(wrong)
        assert people.secret("k") == sealed

    def test_secrets_are_rewrapped_all_or_none(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        old, new = MasterKey.fresh(), MasterKey.fresh()
        for name in ("a", "b"):
            people.put_secret(seal(name, Place(owner="local", name=name, version=1), key=old, at=NOW))
        pairs = [(each, rewrap(each, keys=(old,), to=new)) for each in people.secrets()]
        stale = [pairs[0], (replace(pairs[1][0], wrapped_key="other"), pairs[1][1])]
        with pytest.raises(StoreError):
            people.rewrap_secrets(stale, at=NOW)
        assert {each.key_id for each in people.secrets()} == {old.id}
        people.rewrap_secrets(pairs, at=NOW)
        assert [unseal(each, keys=(new,)) for each in people.secrets()] == ["a", "b"]

    def test_admin_reads_are_numbered_and_stay(self, people_of: PeopleOf) -> None:
        people = known(people_of, "local", "ann")
        for reason in ("first", "second"):
            people.note_admin_read(admin="root", reason=reason, at=NOW)
        assert [(each.number, each.admin, each.reason) for each in people.admin_reads()] == [
            (2, "root", "second"), (1, "root", "first"),
        ]  # fmt: skip

    def test_nothing_is_stored_for_nobody(self, people_of: PeopleOf) -> None:
        people = people_of("local")
        with pytest.raises(InputError):
            people.set_password("$h", status=UserStatus.ACTIVE, at=NOW)
        with pytest.raises(InputError):
            people.note_admin_read(admin="root", reason="r", at=NOW)


class SeveralPeopleContract(OnePersonContract):
    """What a memory of more than one person promises besides."""

    def test_people_share_nothing(self, people_of: PeopleOf, directory: Directory) -> None:
        ann, bob = known(people_of, "u-a", "ann"), known(people_of, "u-b", "bob")
        session, token = session_of(ann), token_of(ann)
        key = MasterKey.fresh()
        ann.put_secret(seal("v", Place(owner="u-a", name="k", version=1), key=key, at=NOW))
        ann.note_admin_read(admin="root", reason="r", at=NOW)
        assert (bob.sessions(), bob.tokens(), bob.secrets(), bob.admin_reads()) == ((), (), (), ())
        assert not bob.end_session(session.session_id, at=NOW)
        assert not bob.revoke_token(token.token_id, at=NOW)
        assert bob.end_sessions(at=NOW) == 0
        assert not bob.retire_secret("k", at=NOW)
        bob.set_status(UserStatus.DISABLED, by="root", at=NOW)
        assert directory.find_session(session.session_id) == session
        assert directory.find_token(token.digest) == token
        assert set(directory.owners()) == {"u-a", "u-b"}

    def test_a_name_is_taken_once_for_all(self, people_of: PeopleOf) -> None:
        known(people_of, "u-a", "ann")
        with pytest.raises(InputError, match="taken"):
            known(people_of, "u-b", "ann")
        assert people_of("u-b").user() is None

    def test_two_people_may_use_the_same_names(self, people_of: PeopleOf) -> None:
        ann, bob = known(people_of, "u-a", "ann"), known(people_of, "u-b", "bob")
        key = MasterKey.fresh()
        for people in (ann, bob):
            place = Place(owner=people.owner, name="k", version=1)
            people.put_secret(seal(people.owner, place, key=key, at=NOW))
            token_of(people, "ci")
        for people in (ann, bob):
            sealed = people.secret("k")
            assert sealed is not None
            assert unseal(sealed, keys=(key,)) == people.owner
