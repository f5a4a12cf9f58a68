"""SQL expressions that bring different spellings of a value (e-mail, domain, company name) to one form."""

from __future__ import annotations

from typing import Literal, get_args

Matching = Literal["exact", "text", "email", "domain", "name", "handle"]
MATCHINGS: tuple[Matching, ...] = get_args(Matching)

_SUFFIXES = (
    "incorporated|inc|corporation|corp|company|co|limited|ltd|llc|llp|lp|plc|gmbh|ag|kg|ug|se|sa|sas|sarl|sl|spa|srl|bv|nv|oy|oyj|ab|as|"
    "aps|pty|pte|sro|kft|zrt"
)
"""What company names end in without being another company for it."""


def match_key(matching: Matching, text: str) -> str:
    """The expression for the common form of the text expression; null where nothing is left of it."""
    match matching:
        case "exact":
            form = text
        case "text":
            form = _squeeze_spaces(f"lower({text})")
        case "email":
            form = _email(text)
        case "domain":
            form = _domain(text)
        case "name":
            form = _name(text)
        case "handle":
            form = _handle(text)
    return f"nullif({form}, '')"


def guess_matching(slug: str) -> Matching:
    """The matching that suits a column, by its slug."""
    plain = slug.lower()
    if "email" in plain or "mail" in plain.split("_"):
        return "email"
    if any(word in plain for word in ("linkedin", "twitter", "github", "crunchbase")):
        return "handle"
    if any(word in plain for word in ("domain", "website", "url", "homepage")):
        return "domain"
    if any(word in plain for word in ("name", "company", "account", "organization", "organisation")):
        return "name"
    return "text"


def _squeeze_spaces(text: str) -> str:
    return f"btrim(regexp_replace({text}, '\\s+', ' ', 'g'))"


def _email(text: str) -> str:
    """Lower case, without what stands after a `+`; Gmail reads over dots."""
    bare = f"regexp_replace(regexp_replace(btrim(lower({text})), '^mailto:|^.*<|>.*$', '', 'g'), '\\+[^@]*@', '@')"
    box, host = "split_part(b, '@', 1)", "replace(split_part(b, '@', 2), 'googlemail.com', 'gmail.com')"
    dotless = f"case when {host} = 'gmail.com' then replace({box}, '.', '') else {box} end"
    # `offset 0`: it is made once, not wherever it is read.
    form = f"case when b ~ '^[^@\\s]+@[^@\\s]+$' then ({dotless}) || '@' || {host} else '' end"
    return f"(select {form} from (select {bare} as b offset 0) as made)"  # noqa: S608 - an expression of ours


def _domain(text: str) -> str:
    """The host of a domain, a URL or an e-mail address, without `www.`."""
    bare = f"regexp_replace(btrim(lower({text})), '^[a-z][a-z0-9+.-]*:(//)?', '')"
    host = f"regexp_replace(regexp_replace({bare}, '[/?#\\s].*$', ''), '^.*@', '')"
    return f"btrim(regexp_replace(regexp_replace({host}, ':[0-9]*$', ''), '^www[0-9]*\\.', ''), '.')"


def _handle(text: str) -> str:
    """The last part of the path of a profile's address, or the handle itself."""
    bare = f"regexp_replace(regexp_replace(btrim(lower({text})), '[?#].*$', ''), '/+$', '')"
    return f"ltrim(regexp_replace({bare}, '^.*/', ''), '@')"


def _name(text: str) -> str:
    """Lower case, without accents, punctuation, a leading `the` and the legal form of companies (unless nothing else is there)."""
    plain = f"regexp_replace(normalize(lower({text}), NFKD), '[\\u0300-\\u036f]', '', 'g')"
    words = _squeeze_spaces(f"regexp_replace(replace({plain}, '&', ' and '), '[''’.]+', '', 'g')")
    spaced = _squeeze_spaces(f"regexp_replace({words}, '[^[:alnum:]]+', ' ', 'g')")
    return f"regexp_replace({spaced}, '^the (?=.)|( ({_SUFFIXES}))+$', '', 'g')"
