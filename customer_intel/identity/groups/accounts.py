"""Accounts (organisations): which accounts, domains and company names of all sources mean the same
one.

An account is never a person: people belong to accounts (customer_account.sql) and stay people.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from customer_intel.identity.ids.stable_ids import stable_ids
from customer_intel.identity.records import normalise
from customer_intel.identity.records.normalise import words

_REF = pl.concat_str("source_system", "account_id", separator=":")


# ---- which references mean one account
def account_map(
    accounts: pl.DataFrame,
    party_record: pl.DataFrame,
    as_of: date,
    config: dict[str, Any],
    previous: pl.DataFrame,
) -> pl.DataFrame:
    """account_ref → account_key with history. A reference is source:account_id, domain:… or name:….

    Accounts of different sources are one where they name the same domain, or the same company while
    at most one of them names a domain; accounts of one source where domain and company name agree.
    What a source calls parent and child stays two.
    """
    crm = _crm(accounts, party_record, config)
    claims = _claims(accounts, crm, config)
    groups = _Groups(crm)
    for a, b in [*_by_domain(crm, claims), *_by_name(crm, claims)]:
        groups.join(a, b)
    cluster_of = {ref: groups.root(ref) for ref in crm["account_ref"]}
    cluster_of |= _domains(party_record, crm, claims, cluster_of, config)
    cluster_of |= _names(party_record, crm, cluster_of)
    found = pl.DataFrame(
        sorted(cluster_of.items()),
        schema={"account_ref": pl.String, "cluster": pl.String},
        orient="row",
    )
    return stable_ids(
        found, as_of, previous, member="account_ref", entity="account_key", prefix="a"
    )


def _crm(accounts: pl.DataFrame, party: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """Every account that a source has or refers to: account_ref, source_system, name, parent,
    depth, n_contacts.
    """
    referred = (
        party.drop_nulls("account_id")
        .group_by("source_system", "account_id")
        .agg(n_contacts=pl.len(), called=pl.col("company_norm").drop_nulls().mode().min())
    )
    known = accounts.select(
        "source_system",
        "account_id",
        "parent_account_id",
        "created_at",
        name=normalise.company_norm(pl.col("account_name"), config),
    )
    crm = known.join(
        referred, on=["source_system", "account_id"], how="full", coalesce=True
    ).with_columns(
        account_ref=_REF,
        parent=pl.concat_str("source_system", "parent_account_id", separator=":"),
        name=pl.coalesce("name", "called"),
        n_contacts=pl.col("n_contacts").fill_null(0),
    )
    parents = dict(crm.drop_nulls("parent").select("account_ref", "parent").iter_rows())
    above = {ref: ancestors(ref, parents) for ref in crm["account_ref"]}
    return crm.with_columns(
        above=pl.Series([above[ref] for ref in crm["account_ref"]], dtype=pl.List(pl.String))
    ).sort(
        pl.col("above").list.len(),
        -pl.col("n_contacts").cast(pl.Int64),
        "created_at",
        "account_ref",
        nulls_last=True,
    )


def ancestors(ref: str, parents: dict[str, str]) -> list[str]:
    """From the parent to the top; a circle ends where it closes."""
    found: list[str] = []
    while (ref := parents.get(ref, "")) and ref not in found:
        found.append(ref)
    return found


def host(value: pl.Expr) -> pl.Expr:
    """The domain of a website or a domain as typed; null when it is none."""
    plain = (
        value.str.strip_chars()
        .str.to_lowercase()
        .str.replace(r"^[a-z]+://", "")
        .str.replace(r"^www\d?\.", "")
    )
    return plain.str.extract(r"^(?:[^/@?#]*@)?([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+)(?:[:/?#].*)?$")


def _claims(accounts: pl.DataFrame, crm: pl.DataFrame, config: dict[str, Any]) -> pl.DataFrame:
    """account_ref, domain, in the order of `crm`: domains that the sources give their accounts.

    Mail providers' domains, and those that more families of accounts give than
    account_domain_names, mean nobody.
    """
    given = pl.concat(
        accounts.select(account_ref=_REF, domain=host(pl.col(column)))
        for column in ("domain", "website")
    )
    ranked = crm.select(
        "account_ref",
        "source_system",
        "name",
        family=pl.coalesce(pl.col("above").list.last(), "account_ref"),
    ).with_row_index("place")
    claims = given.drop_nulls().unique().join(ranked, on="account_ref")
    claims = claims.filter(~pl.col("domain").is_in(words(config["freemail_domains"])))
    names = pl.coalesce("name", "family").n_unique().over("domain")
    families = pl.col("family").n_unique().over("domain")
    is_shared = pl.min_horizontal(names, families) > int(config["account_domain_names"])
    return claims.filter(~is_shared).sort("place", "domain")


def _by_domain(crm: pl.DataFrame, claims: pl.DataFrame) -> list[tuple[str, str]]:
    """Pairs to join: of each source the first account of a domain, and its namesakes."""
    pairs: list[tuple[str, str]] = []
    for rows in claims.sort("domain", "place").partition_by("domain", maintain_order=True):
        firsts = rows.unique("source_system", keep="first", maintain_order=True)
        pairs += [(firsts["account_ref"][0], ref) for ref in firsts["account_ref"][1:]]
        same = rows.drop_nulls("name").join(
            firsts.select("source_system", "name", first="account_ref"),
            on=["source_system", "name"],
        )
        pairs += list(
            same.filter(pl.col("first") != pl.col("account_ref"))
            .select("first", "account_ref")
            .iter_rows()
        )
    return sorted(set(pairs))


def _by_name(crm: pl.DataFrame, claims: pl.DataFrame) -> list[tuple[str, str]]:
    """Pairs of namesakes in different sources, one in each, of which at most one has a domain."""
    with_domain = claims["account_ref"].unique()
    single = crm.drop_nulls("name").filter(pl.len().over("source_system", "name") == 1)
    single = single.select(
        "account_ref", "name", has=pl.col("account_ref").is_in(with_domain.implode())
    )
    pairs: list[tuple[str, str]] = []
    for rows in (
        single.filter(pl.len().over("name") > 1).sort("name", "account_ref").partition_by("name")
    ):
        if rows["has"].sum() <= 1:
            pairs += [(rows["account_ref"][0], ref) for ref in rows["account_ref"][1:]]
    return sorted(pairs)


class _Groups:
    """Union-find in which no group holds an account and one above it."""

    def __init__(self, crm: pl.DataFrame) -> None:
        self.parent = {ref: ref for ref in crm["account_ref"]}
        self.members = {ref: {ref} for ref in self.parent}
        self.above = {
            ref: set(above) for ref, above in crm.select("account_ref", "above").iter_rows()
        }

    def root(self, ref: str) -> str:
        while self.parent[ref] != ref:
            self.parent[ref] = self.parent[self.parent[ref]]
            ref = self.parent[ref]
        return ref

    def join(self, a: str, b: str) -> None:
        # The smaller reference names the group, whatever the order of the pairs.
        a, b = sorted((self.root(a), self.root(b)))
        if a == b or self.above[a] & self.members[b] or self.above[b] & self.members[a]:
            return
        self.parent[b] = a
        self.members[a] |= self.members[b]
        self.above[a] |= self.above[b]


def _domains(
    party: pl.DataFrame,
    crm: pl.DataFrame,
    claims: pl.DataFrame,
    cluster_of: dict[str, str],
    config: dict[str, Any],
) -> dict[str, str]:
    """domain reference → cluster: given by a source, used by an account's people, or known to be an
    organisation's.
    """
    first = claims.unique("domain", keep="first", maintain_order=True)
    found = {
        f"domain:{domain}": cluster_of[ref]
        for domain, ref in first.select("domain", "account_ref").iter_rows()
    }
    mail = party.filter(
        pl.col("email_domain").is_not_null() & ~pl.col("is_freemail").fill_null(False)
    ).select(
        "email_domain",
        "company_norm",
        account_ref=_REF,
        is_evidence=pl.col("is_role_mailbox").fill_null(False)
        | pl.col("is_organisation").fill_null(False)
        | pl.any_horizontal(pl.col("account_id", "company_norm").is_not_null()),
    )
    mail = mail.filter(~("domain:" + pl.col("email_domain")).is_in(list(found)))
    clusters = pl.DataFrame(
        sorted(cluster_of.items()),
        schema={"account_ref": pl.String, "cluster": pl.String},
        orient="row",
    )
    named = _only_bearers(crm, cluster_of)
    used = mail.join(clusters, on="account_ref", how="left").join(
        named, on="company_norm", how="left"
    )
    used = used.with_columns(cluster=pl.coalesce("cluster", "named"))
    counts = used.drop_nulls("cluster").group_by("email_domain", "cluster").agg(n=pl.len())
    most = counts.sort(
        "email_domain", "n", "cluster", descending=[False, True, False]
    ).with_columns(share=pl.col("n") / pl.col("n").sum().over("email_domain"))
    # One stray contact, such as an adviser, does not make their domain the account's.
    enough = (pl.col("n") >= int(config["account_domain_contacts"])) & (pl.col("share") > 0.5)
    for domain, cluster in most.filter(enough).select("email_domain", "cluster").iter_rows():
        found[f"domain:{domain}"] = cluster
    # Few users of an unlisted mail provider are known to belong to an organisation.
    evident = mail.group_by("email_domain").agg(share=pl.col("is_evidence").mean())
    evident = evident.filter(pl.col("share") >= float(config["account_evidence_share"]))
    for domain in evident.sort("email_domain")["email_domain"]:
        found.setdefault(f"domain:{domain}", f"domain:{domain}")
    return found


def _only_bearers(crm: pl.DataFrame, cluster_of: dict[str, str]) -> pl.DataFrame:
    """company_norm, named: the cluster that alone bears the name."""
    clusters = pl.DataFrame(
        sorted(cluster_of.items()),
        schema={"account_ref": pl.String, "named": pl.String},
        orient="row",
    )
    bearers = (
        crm.drop_nulls("name")
        .join(clusters, on="account_ref")
        .select(company_norm="name", named="named")
        .unique()
    )
    return bearers.filter(pl.len().over("company_norm") == 1).sort("company_norm")


def _names(party: pl.DataFrame, crm: pl.DataFrame, cluster_of: dict[str, str]) -> dict[str, str]:
    """name reference → cluster: names that one account alone bears, and customers that are
    organisations themselves.
    """
    found = {
        f"name:{name}": cluster for name, cluster in _only_bearers(crm, cluster_of).iter_rows()
    }
    known_names = {f"name:{name}" for name in crm["name"].drop_nulls()}
    # A company known by its domain: the name that its people give it, if they agree.
    without_account = (
        party.drop_nulls("company_norm")
        .filter(pl.col("account_id").is_null())
        .select(
            ref="name:" + pl.col("company_norm"),
            domain="domain:" + pl.col("email_domain"),
            own="is_organisation",
        )
        .filter(~pl.col("ref").is_in(sorted(known_names)))
    )
    domains = (
        without_account.filter(pl.col("domain").is_in(sorted(cluster_of)))
        .drop_nulls("domain")
        .select("ref", "domain")
        .unique()
    )
    for ref, domain in domains.filter(pl.len().over("ref") == 1).sort("ref").iter_rows():
        found[ref] = cluster_of[domain]
    for ref in without_account.filter(pl.col("own").fill_null(False))["ref"].unique().sort():
        found.setdefault(ref, ref)
    return found


# ---- what an account is
def account(
    account_map: pl.DataFrame,
    customer_account: pl.DataFrame,
    accounts: pl.DataFrame,
    party_record: pl.DataFrame,
    config: dict[str, Any],
) -> pl.DataFrame:
    """One row per account of today, with its parent: the one that a source names, else the owner of
    its domain, else of the domain above it.
    """
    born = account_map.group_by("account_key").agg(born_as_of=pl.col("valid_from").min())
    today = account_map.filter(pl.col("valid_to").is_null()).select("account_ref", "account_key")
    domains = today.filter(pl.col("account_ref").str.starts_with("domain:")).select(
        "account_key", domain=pl.col("account_ref").str.strip_prefix("domain:")
    )
    crm = _crm(accounts, party_record, config)
    claims = _claims(accounts, crm, config)
    facts = _facts(today, accounts)
    people = customer_account.group_by("account_key").agg(
        n_customers=pl.col("customer_id").n_unique().cast(pl.Int64)
    )
    sources = (
        crm.join(today, on="account_ref")
        .group_by("account_key")
        .agg(
            n_source_accounts=pl.len().cast(pl.Int64),
            sources=pl.col("source_system").unique().sort().str.join("|"),
        )
    )
    found = (
        today.select("account_key")
        .unique()
        .join(born, on="account_key")
        .join(facts, on="account_key", how="left")
        .join(_main_domain(domains, claims, party_record), on="account_key", how="left")
        .join(_given_names(today, party_record), on="account_key", how="left")
        .join(sources, on="account_key", how="left")
        .join(people, on="account_key", how="left")
        .join(_hierarchy(today, crm, claims, domains), on="account_key", how="left")
    )
    return found.select(
        "account_key",
        "born_as_of",
        pl.coalesce("account_name", "given", "domain").alias("account_name"),
        "domain",
        pl.col("n_domains").fill_null(0),
        "parent_account_key",
        "parent_basis",
        "top_account_key",
        "hierarchy_level",
        pl.col("n_source_accounts").fill_null(0),
        "sources",
        pl.col("n_customers").fill_null(0),
        "industry",
        "employee_count",
        "account_tier",
        "country",
    ).sort("account_key")


def _facts(today: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Of every fact the newest that one of the account's source records gives."""
    rows = accounts.with_columns(
        account_ref=_REF, account_tier="tier", country="billing_country"
    ).join(today, on="account_ref")
    newest = rows.sort("account_key", "updated_at", "account_ref", descending=[False, True, False])
    columns = ("account_name", "industry", "employee_count", "account_tier", "country")
    return newest.group_by("account_key", maintain_order=True).agg(
        pl.col(column).drop_nulls().first() for column in columns
    )


def _main_domain(domains: pl.DataFrame, claims: pl.DataFrame, party: pl.DataFrame) -> pl.DataFrame:
    """account_key, domain, n_domains: the domain that a source gives and most people use comes
    first.
    """
    used = party.group_by(domain="email_domain").agg(n=pl.len())
    ranked = domains.join(used, on="domain", how="left").with_columns(
        is_given=pl.col("domain").is_in(claims["domain"].unique().implode()),
        n=pl.col("n").fill_null(0),
    )
    ranked = ranked.sort(
        "account_key", "is_given", "n", "domain", descending=[False, True, True, False]
    )
    return ranked.group_by("account_key", maintain_order=True).agg(
        pl.col("domain").first(), n_domains=pl.len().cast(pl.Int64)
    )


def _given_names(today: pl.DataFrame, party: pl.DataFrame) -> pl.DataFrame:
    """account_key, given: what most of its people's records call it, for accounts that no source
    lists.
    """
    refs = pl.concat(
        party.drop_nulls("company_norm").select(
            account_ref=ref,
            name=pl.coalesce("company_name", "full_name", "last_name", "company_norm"),
        )
        for ref in (_REF, "domain:" + pl.col("email_domain"), "name:" + pl.col("company_norm"))
    )
    counted = (
        refs.drop_nulls()
        .join(today, on="account_ref")
        .group_by("account_key", "name")
        .agg(n=pl.len())
    )
    ranked = counted.sort("account_key", "n", "name", descending=[False, True, False])
    return ranked.group_by("account_key", maintain_order=True).agg(given=pl.col("name").first())


def _hierarchy(
    today: pl.DataFrame, crm: pl.DataFrame, claims: pl.DataFrame, domains: pl.DataFrame
) -> pl.DataFrame:
    """account_key, parent_account_key, parent_basis, top_account_key, hierarchy_level (0 at the
    top).
    """
    key = dict(today.iter_rows())
    owner = dict(domains.select("domain", "account_key").iter_rows())
    proposed: dict[str, tuple[str, str]] = {}

    def propose(child: str | None, parent: str | None, basis: str) -> None:
        if child and parent and child != parent:
            proposed.setdefault(child, (parent, basis))

    for ref, parent in crm.drop_nulls("parent").select("account_ref", "parent").iter_rows():
        propose(key.get(ref), key.get(parent), "crm")
    for ref, domain in claims.select("account_ref", "domain").iter_rows():
        propose(key.get(ref), owner.get(domain), "domain")
    for domain, child in sorted(owner.items()):
        above = domain.split(".")[1:]
        for start in range(len(above) - 1):
            propose(child, owner.get(".".join(above[start:])), "domain")
    parents: dict[str, str] = {}
    for child, (parent, _) in sorted(proposed.items(), key=lambda item: (item[1][1], item[0])):
        # Parents named by sources first; an edge that would close a cycle is left out.
        if child not in [parent, *ancestors(parent, parents)]:
            parents[child] = parent
    rows = []
    for child in sorted(set(key.values())):
        above = ancestors(child, parents)
        basis = proposed[child][1] if child in parents else None
        rows.append((child, parents.get(child), basis, above[-1] if above else child, len(above)))
    return pl.DataFrame(
        rows,
        schema={
            "account_key": pl.String,
            "parent_account_key": pl.String,
            "parent_basis": pl.String,
            "top_account_key": pl.String,
            "hierarchy_level": pl.Int64,
        },
        orient="row",
    )
