"""Credentials with a form of their own: what each begins with, and what it looks like in its issuer's documents.

`source` of a line is the issuer; the forms are those that its API reference or its announcement of scannable tokens
shows (GitHub, "Supported secret scanning patterns", lists most of them). A form without such a beginning is found
by its name instead, in `_secrets`.
"""

import re
from functools import cache
from typing import Final, NamedTuple

__all__ = ["CREDENTIALS", "Credential"]


class Credential(NamedTuple):
    """One kind of credential."""

    literals: tuple[str, ...]
    """What is in it, in lower case; one is enough to look closer."""
    rule: str
    form: str
    """A regular expression, compiled when a literal first turns up: hundreds would take long."""
    back: int
    """How many characters before the literal it may begin."""
    longest: int
    """How many characters from the literal on it may have."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """`form`, compiled."""
        return _compiled(self.form)


_W: Final = "[A-Za-z0-9_-]"
_A: Final = "[A-Za-z0-9]"
_H: Final = "[0-9a-f]"
_H_: Final = "[0-9a-fA-F]"

_compiled: Final = cache(re.compile)
_LONGEST: Final = 8_192
_LONGEST_BACK: Final = 320
_LONGEST_KEY: Final = 32_768
_END: Final = "(?![A-Za-z0-9])"

_FORMS: Final = (
    # cloud
    ("aws-access-key-id", "akia asia abia acca a3t", rf"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}{_END}"),
    ("aws-bedrock-key", "absk", r"ABSK[A-Za-z0-9+/]{60,}={0,2}"),
    ("aws-bedrock-short-key", "bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/=_-]{12,}"),
    ("alibaba-key", "ltai", rf"LTAI{_A}{{12,24}}{_END}"),
    ("azure-ad-secret", "q~", r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])", 4),
    ("azure-storage", "defaultendpointsprotocol=", r"DefaultEndpointsProtocol=https?;[^\s\"'\\]{20,400}"),
    ("google-api-key", "aiza", rf"AIza{_W}{{35}}(?!{_W})"),
    ("google-oauth-secret", "gocspx-", rf"GOCSPX-{_W}{{28}}"),
    ("google-oauth-token", "ya29.", rf"ya29\.{_W}{{20,}}"),
    ("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", rf"do[opr]_v1_{_H}{{64}}"),
    ("heroku-key", "hrku-", rf"HRKU-AA{_W}{{50,60}}"),
    ("cloudflare-origin-key", "v1.0-", rf"v1\.0-{_H}{{24}}-{_H}{{146}}"),
    ("tencent-key", "akid", rf"AKID{_A}{{32}}{_END}"),
    ("yandex-key", "aqvn", rf"AQVN{_W}{{35,38}}"),
    ("yandex-token", "t1.", rf"t1\.{_W}{{10,}}={{0,2}}\.{_W}{{86}}={{0,2}}"),
    ("fly-token", "fo1_", rf"fo1_{_W}{{43}}"),
    ("fly-macaroon", "fm1r_ fm1a_ fm2_", r"fm(?:1[ar]|2)_[A-Za-z0-9+/]{100,}={0,3}"),
    ("scalingo-token", "tk-us-", rf"tk-us-{_W}{{48}}"),
    ("netlify-token", "nfp_", rf"nfp_{_A}{{36,40}}{_END}"),
    ("planetscale", "pscale_", r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9=._-]{32,64}"),
    ("supabase-token", "sbp_", rf"sbp_{_H}{{40}}"),
    ("clickhouse-cloud-key", "4b1d", rf"4b1d{_A}{{38}}{_END}"),
    ("databricks-token", "dapi", rf"dapi{_H}{{32}}(?:-[0-9])?{_END}"),
    ("snyk-token", "snyk_", rf"snyk_(?:uat|sat)\.{_W}{{8,}}\.[A-Za-z0-9._-]{{20,}}"),
    ("dynatrace-token", "dt0", r"dt0[a-z][0-9]{2}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}"),
    ("doppler-token", "dp.", rf"dp\.(?:pt|ct|st|sa|scim|audit)\.(?:[a-z0-9_-]{{2,35}}\.)?{_A}{{40,44}}{_END}"),
    ("vault-token", "hvs. hvb.", rf"hv[sb]\.{_W}{{24,300}}"),
    ("gitlab-session", "_gitlab_session=", r"_gitlab_session=[0-9a-z]{32}"),
    ("terraform-token", ".atlasv1.", rf"{_A}{{14}}\.atlasv1\.[A-Za-z0-9_=-]{{60,70}}", 14),
    ("pulumi-token", "pul-", rf"pul-{_H}{{40}}{_END}"),
    ("infracost-key", "ico-", rf"ico-{_A}{{32}}{_END}"),
    ("harness-token", "pat. sat.", rf"(?:pat|sat)\.{_W}{{22}}\.{_A}{{24}}\.{_A}{{20}}"),
    ("prefect-key", "pnu_", rf"pnu_{_A}{{36}}{_END}"),
    ("octopus-key", "api-", rf"API-[A-Z0-9]{{26}}{_END}"),
    ("openshift-token", "sha256~", rf"sha256~{_W}{{43}}"),
    # models
    ("anthropic-key", "sk-ant-", rf"sk-ant-{_W}{{20,}}"),
    ("openai-key", "sk-", rf"sk-(?:(?={_W}{{0,200}}[0-9]){_W}{{16,}}|[A-Za-z]{{40,}})"),
    ("huggingface-token", "hf_", rf"hf_{_A}{{30,40}}{_END}"),
    ("huggingface-org-token", "api_org_", rf"api_org_{_A}{{34}}{_END}"),
    ("perplexity-key", "pplx-", rf"pplx-{_A}{{40,56}}{_END}"),
    ("groq-key", "gsk_", rf"gsk_{_A}{{40,60}}{_END}"),
    ("xai-key", "xai-", rf"xai-{_W}{{40,}}"),
    ("replicate-token", "r8_", rf"r8_{_A}{{37}}{_END}"),
    ("langsmith-key", "lsv2_ ls__", rf"(?:lsv2_(?:pt|sk)_{_H}{{32}}_{_H}{{10}}|ls__{_H}{{32}}){_END}"),
    ("pinecone-key", "pcsk_", r"pcsk_[A-Za-z0-9_]{40,}"),
    ("cerebras-key", "csk-", rf"csk-{_A}{{40,}}"),
    ("tavily-key", "tvly-", rf"tvly-{_W}{{24,}}"),
    ("firecrawl-key", "fc-", rf"fc-{_H}{{32}}{_END}"),
    ("langfuse-key", "-lf-", rf"[sp]k-lf-{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}", 2),
    ("logfire-token", "pylf_v", rf"pylf_v[0-9]_(?:[a-z]{{2}}_)?{_A}{{30,}}"),
    ("elevenlabs-key", "sk_", rf"sk_{_H}{{48}}{_END}"),
    ("arc-key", "arc_live_ arc_test_", rf"arc_(?:live|test)_{_W}{{8,}}"),
    # source code and packages
    ("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", rf"gh[pousr]_{_A}{{36,255}}"),
    ("github-fine-grained-token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
    ("gitlab-token", "glpat- gldt- glrt- glptt- glft- glimt- glsoat- gloas- glcbt- glffct- glagent-",
     r"gl(?:pat|dt|rt|ptt|ft|imt|soat|oas|cbt|ffct|agent)-[A-Za-z0-9_.=-]{20,300}"),
    ("gitlab-runner-token", "gr1348941", rf"GR1348941{_W}{{20,50}}"),
    ("bitbucket-app-password", "atbb", r"ATBB[A-Za-z0-9_=.-]{32}"),
    ("atlassian-token", "atatt3", r"ATATT3[A-Za-z0-9_=-]{180,}"),
    ("npm-token", "npm_", rf"npm_{_A}{{36}}{_END}"),
    ("npm-auth-token", ":_authtoken", r":_authToken=[ ]?[0-9A-Za-z_-]{20,}"),
    ("pypi-token", "pypi-ag", rf"pypi-Ag{_W}{{40,1000}}"),
    ("rubygems-key", "rubygems_", rf"rubygems_{_H}{{48}}"),
    ("nuget-key", "oy2", rf"oy2[a-z0-9]{{43}}{_END}"),
    ("clojars-token", "clojars_", r"CLOJARS_[a-zA-Z0-9]{60}"),
    ("sourcegraph-token", "sgp_ slk_", rf"(?:sgp_(?:{_H_}{{16}}_|local_)?{_H_}{{40}}|slk_{_H}{{64}})"),
    ("sonar-token", "squ_ sqp_ sqa_", rf"sq[upa]_{_H}{{40}}"),
    ("artifactory-key", "akc", rf"AKC{_A}{{10,}}"),
    ("artifactory-reference-token", "cmvmd", rf"cmVmd{_A}{{59}}{_END}"),
    ("postman-key", "pmak-", rf"PMAK-{_H_}{{24}}-{_H_}{{34}}"),
    ("linear-key", "lin_api_ lin_oauth_", rf"lin_(?:api|oauth)_{_A}{{30,64}}"),
    ("sentry-org-token", "sntrys_", r"sntrys_[A-Za-z0-9+/=_-]{40,}"),
    ("sentry-user-token", "sntryu_", rf"sntryu_{_H}{{64}}"),
    ("readme-key", "rdme_", r"rdme_[a-z0-9]{70}"),
    ("settlemint-token", "sm_pat_ sm_aat_ sm_sat_", rf"sm_[pas]at_{_A}{{16}}{_END}"),
    # messages and payments
    ("slack-token", "xox", r"xox[a-z](?:\.xox[a-z])?-(?=[A-Za-z0-9-]{0,200}[0-9])[A-Za-z0-9-]{8,250}"),
    ("slack-app-token", "xapp-", r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[A-Za-z0-9]+"),
    ("slack-webhook", "hooks.slack.com/", r"(?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,80}", 8),
    ("discord-webhook", "/api/webhooks/", rf"(?:https?://)?(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/webhooks/[0-9]{{15,20}}/{_W}{{40,}}", 30),
    ("teams-webhook", "webhook.office.com/webhookb2/", r"(?:https://)?[a-z0-9-]{1,63}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@-]{36,}/IncomingWebhook/[A-Za-z0-9]{20,}/[A-Za-z0-9-]{20,}(?:/[\w-]+)?", 72),
    ("stripe-key", "k_live_ k_test_ k_prod_", r"[srp]k_(?:live|test|prod)_[A-Za-z0-9]{10,247}", 2),
    ("stripe-webhook-secret", "whsec_", r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    ("square-token", "eaaa", r"EAAA[A-Za-z0-9_=+-]{22,60}(?![A-Za-z0-9_=+-])"),
    ("square-secret", "sq0atp- sq0csp- sq0idp-", rf"sq0(?:atp|csp|idp)-{_W}{{22,43}}"),
    ("sendgrid-key", "sg.", r"SG\.[A-Za-z0-9_.=-]{60,72}"),
    ("mailgun-key", "key-", rf"(?:pub)?key-{_H}{{32}}{_END}"),
    ("mailgun-signing-key", "-00001111-", rf"{_H}{{32}}-[0-9a-f]{{8}}-[0-9a-f]{{8}}{_END}", 32),
    ("mailchimp-key", "-us", rf"{_H}{{32}}-us[0-9]{{1,2}}{_END}", 32),
    ("brevo-key", "xkeysib- xsmtpsib-", rf"x(?:key|smtp)sib-{_H}{{64}}-{_A}{{16}}"),
    ("shippo-token", "shippo_", rf"shippo_(?:live|test)_{_H_}{{40}}"),
    ("shopify-token", "shpat_ shpca_ shppa_ shpss_", rf"shp(?:at|ca|pa|ss)_{_H_}{{32}}"),
    ("easypost-key", "ezak eztk", rf"EZ[AT]K{_A}{{54}}{_END}"),
    ("flutterwave-key", "flwseck flwpubk", r"FLW(?:SECK|PUBK)(?:_TEST)?-[0-9a-h]{12,32}(?:-X)?"),
    ("duffel-token", "duffel_", r"duffel_(?:test|live)_[A-Za-z0-9_=-]{43}"),
    ("frameio-token", "fio-u-", r"fio-u-[A-Za-z0-9_=-]{64}"),
    ("lob-key", "live_ test_", rf"(?:live|test)_(?:pub_)?{_H}{{30,36}}{_END}"),
    ("gocardless-token", "live_", r"live_[A-Za-z0-9_=-]{40}(?![A-Za-z0-9_=-])"),
    ("plaid-token", "access-sandbox- access-development- access-production-", rf"access-(?:sandbox|development|production)-{_H}{{8}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}"),
    ("facebook-token", "eaam eaac eaab", rf"EAA[MCB]{_A}{{90,}}"),
    ("mapbox-token", "pk. sk. tk.", r"[pst]k\.[A-Za-z0-9]{40,160}\.[A-Za-z0-9_-]{22}"),
    ("hubspot-token", "pat-na pat-eu", rf"pat-(?:na|eu)[0-9]-{_H_}{{8}}(?:-{_H_}{{4}}){{3}}-{_H_}{{12}}"),
    ("airtable-token", "pat", rf"pat{_A}{{14}}\.{_H}{{64}}"),
    ("notion-token", "ntn_", rf"ntn_[0-9]{{11}}{_A}{{32,35}}{_END}"),
    ("notion-secret", "secret_", rf"secret_{_A}{{43}}{_END}"),
    ("typeform-token", "tfp_", r"tfp_[A-Za-z0-9_.=-]{44,59}"),
    ("dropbox-token", "sl.", r"sl\.(?:u\.)?[A-Za-z0-9_=-]{100,}"),
    ("new-relic-key", "nrak- nrjs- nrii- nraa-", rf"NR(?:AK|JS|II|AA)-[A-Za-z0-9-]{{19,32}}{_END}"),
    ("maxmind-key", "_mmk", rf"[A-Za-z0-9]{{6}}_[A-Za-z0-9]{{29}}_mmk{_END}", 36),
    ("posthog-key", "phc_ phx_", rf"ph[cx]_{_A}{{40,}}"),
    ("adobe-secret", "p8e-", rf"p8e-{_A}{{32}}{_END}"),
    ("intra42-secret", "s-s4t2", rf"s-s4t2(?:ud|af)-{_H}{{64}}"),
    # Grafana, 1Password, age, JWT
    ("grafana-key", "eyjrijoi", r"eyJrIjoi[A-Za-z0-9]{60,400}={0,3}"),
    ("grafana-cloud-token", "glc_", r"glc_(?=[A-Za-z0-9+/]{0,200}[0-9])[A-Za-z0-9+/]{32,400}={0,3}"),
    ("grafana-service-token", "glsa_", rf"glsa_{_A}{{32}}_{_H_}{{8}}"),
    ("1password-token", "ops_ey", r"ops_ey[A-Za-z0-9+/_-]{200,}={0,3}"),
    ("1password-secret-key", "a3-", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    ("age-key", "age-secret-key-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    ("jwt", "eyj", r"ey[A-Za-z0-9_-]{12,}={0,2}\.ey[A-Za-z0-9_/\\-]{12,}={0,2}(?:\.[A-Za-z0-9_/\\-]{8,}={0,2})?"),
    ("jwt-base64", "zxlk", r"ZXlK[A-Za-z0-9+/]{60,}={0,3}"),
    ("authress-key", ".acc_ .acc-", r"(?:authress|scauth|ext|sc)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}", 48),
    ("private-key", "-----begin", r"-----BEGIN[ A-Z0-9_-]{0,80}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){40,30000}(?:-----END[ A-Z0-9_-]{0,80}KEY(?: BLOCK)?-----)?"),
)  # fmt: skip


def _credentials() -> tuple[Credential, ...]:
    made = []
    for rule, literals, pattern, *rest in _FORMS:
        back = int(rest[0]) if rest else 0
        longest = _LONGEST_KEY if rule == "private-key" else _LONGEST_BACK if back else _LONGEST
        made.append(Credential(tuple(str(literals).split()), str(rule), str(pattern), back, longest))
    return tuple(made)


CREDENTIALS: Final = _credentials()
