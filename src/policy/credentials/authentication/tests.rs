//! Challenges as servers send them, and answers recomputed from what the fields say.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use proptest::prelude::*;

use super::challenges::ChallengeParts;
use super::{BasicFor, Challenge};
use crate::model::Credentials;

const CNONCE: &str = "0a4f113b";

fn choose(fields: &[&[u8]], basic_for: BasicFor, cnonce: &str) -> Result<Challenge, &'static str> {
    let mut map = HeaderMap::new();
    for field in fields {
        map.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(field).unwrap());
    }
    Challenge::choose(&map, basic_for, cnonce)
}

fn strongest(fields: &[&str]) -> Option<Challenge> {
    let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
    choose(&fields, BasicFor::AnyOffer, CNONCE).ok()
}

fn user(username: &str) -> Credentials {
    Credentials { username: username.to_owned(), password: "Circle of Life".to_owned() }
}

fn answer(fields: &[&str], username: &str) -> Option<String> {
    let value = strongest(fields)?.answer(&user(username), "GET", "/dir/index.html?q")?;
    assert!(value.is_sensitive(), "no log shows it");
    Some(String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

const MD5: &str = r#"Digest realm="a", nonce="n", qop="auth", algorithm=MD5"#;
const SHA256: &str = r#"Digest realm="a", nonce="n", qop="auth", algorithm=SHA-256"#;
const BASIC: &str = r#"Basic realm="a""#;

#[test]
fn strongest_supported_challenge_wins() {
    for (fields, expected) in [
        (&[BASIC, MD5, SHA256][..], "SHA-256,"),
        (&[&format!("{MD5}, {BASIC}, {SHA256}")], "SHA-256,"),
        (&[&format!("Negotiate, {SHA256}"), BASIC], "SHA-256,"),
        (&["Negotiate oRQwEqADCgEA==", &format!("NTLM, {BASIC}, {MD5}")], "MD5,"),
        (&[r#"Digest realm="a", nonce="n", qop="auth", algorithm=SHA-1"#, MD5], "MD5,"),
        (&["Digest \t realm=\"a  \\\" b\",  nonce=\"n\",\tqop=auth ,algorithm=MD5,", BASIC], "MD5,"),
        (&[r#"digest realm="a", nonce="n", qop="auth,auth-int", algorithm="md5-SESS""#], "md5-SESS,"),
        (&[r#"Digest realm="a", nonce="n", qop="auth-int", algorithm=SHA-256"#, MD5], "MD5,"),
    ] {
        let answer = answer(fields, "Mufasa").expect("a supported challenge");
        assert!(answer.contains(&format!("algorithm={expected}")), "{fields:?}: {answer}");
    }
}

#[test]
fn basic_is_the_fallback_and_other_schemes_are_none() {
    let unusable = r#"Digest realm="a", qop="auth""#;
    for fields in [&[BASIC][..], &[unusable, BASIC], &["Basic realm=\"Zug\u{e4}nge\""], &["basic"]] {
        assert_eq!(answer(fields, "Mufasa").as_deref(), Some("Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl"), "{fields:?}");
    }
    let session_alone = r#"Digest realm="a", nonce="n", algorithm=MD5-sess"#;
    for fields in [&[][..], &["Bearer"], &[unusable], &[session_alone]] {
        assert!(strongest(fields).is_none(), "{fields:?}");
    }
}

#[test]
fn text_of_the_server_comes_back_as_it_was() {
    let answer = answer(&[r#"Digest  realm="a  \" b", nonce="+/=, x", opaque="", qop="auth""#], "Mufasa").unwrap();
    for said in [r#"realm="a  \" b""#, r#"nonce="+/=, x""#, "opaque=\"\"", r#"uri="/dir/index.html?q""#] {
        assert!(answer.contains(said), "{said}: {answer}");
    }
}

#[test]
fn nonce_count_grows_with_each_answer() {
    let challenge = strongest(&[MD5]).unwrap();
    for count in ["nc=00000001,", "nc=00000002,", "nc=00000003,"] {
        let value = challenge.answer(&user("Mufasa"), "GET", "/").unwrap();
        assert!(value.to_str().unwrap().contains(count), "{value:?}");
    }
}

#[test]
fn user_name_has_the_form_that_the_server_knows() {
    let utf8 = format!("{MD5}, charset=UTF-8");
    for (field, name, expected) in [
        (MD5, "Mufasa", r#"Digest username="Mufasa", realm"#),
        (MD5, r#"a"b\c"#, r#"Digest username="a\"b\\c", realm"#),
        (MD5, "J\u{e4}s\u{f8}n, D", "Digest username=\"J\u{e4}s\u{f8}n, D\", realm"),
        (&utf8, "J\u{e4}s\u{f8}n, D", "Digest username*=UTF-8''J%C3%A4s%C3%B8n%2C%20D, realm"),
    ] {
        let answer = answer(&[field], name).unwrap();
        assert!(answer.starts_with(expected), "{answer}");
    }
    let hashed = answer(&[&format!("{MD5}, userhash=true")], "Mufasa").unwrap();
    assert!(hashed.contains("userhash=true") && !hashed.contains("Mufasa"), "{hashed}");
}

#[test]
fn challenge_without_qop_has_the_answer_of_rfc_2069() {
    let answer = answer(&[r#"Digest realm="a", nonce="n", opaque="o", algorithm=SHA-256"#], "Mufasa").unwrap();
    assert!(!answer.contains("cnonce") && !answer.contains("nc=") && !answer.contains("qop"), "{answer}");
    assert!(answer.contains(r#"opaque="o""#) && answer.contains(", algorithm=SHA-256, "), "{answer}");
}

/// The octets of the answer to a field, as it goes out without a user of the field's own.
fn octets(field: &[u8], cnonce: &str, who: (&str, &str), target: &str) -> Vec<u8> {
    let challenge = choose(&[field], BasicFor::OffersWithoutDigest, cnonce);
    let challenge = challenge.unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(field)));
    let user = Credentials { username: who.0.to_owned(), password: who.1.to_owned() };
    challenge.answer(&user, "GET", target).unwrap().as_bytes().to_vec()
}

fn has(octets: &[u8], part: impl AsRef<[u8]>) -> bool {
    octets.windows(part.as_ref().len()).any(|window| window == part.as_ref())
}

#[test]
fn examples_of_the_standards_are_computed() {
    let rfc7616 = |algorithm: &str| {
        format!(
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
        )
    };
    let rfc2617 = r#"Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    let rfc2069 = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#;
    let hashed_user = r#"Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true"#;
    let session = |algorithm: &str| {
        format!(r#"Digest realm="http-auth@example.org", qop="auth", nonce="n", algorithm={algorithm}-sess"#)
    };
    let (mufasa, page) = (("Mufasa", "Circle of Life"), "/dir/index.html");
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (field, cnonce, who, target, response) in [
        (rfc7616("MD5"), cnonce, mufasa, page, "8ca523f5e9506fed4657c9700eebdbec"),
        (rfc7616("SHA-256"), cnonce, mufasa, page, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        (rfc2617.into(), CNONCE, ("Mufasa", "Circle Of Life"), page, "6629fae49393a05397450978507c4ef1"),
        // As the errata correct it.
        (rfc2069.into(), CNONCE, ("Mufasa", "CircleOfLife"), page, "1949323746fe6a43ef61f9606e7febea"),
        (
            hashed_user.into(),
            "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            ("J\u{e4}s\u{f8}n Doe", "Secret, or not?"),
            "/doe.json",
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
        ),
        // No standard has an example of these. A second implementation computed them.
        (session("MD5"), "c", mufasa, page, "c5b684aba93355701172413a7c862a38"),
        (session("SHA-256"), "c", mufasa, page, "a97e465e2b864dce479c25d9baff6106699558b16e7f4b88f1646874512d029e"),
        (session("SHA-512-256"), "c", mufasa, page, "0e1d42082d1f15f4633864881a5870ef9eafc2423bcaddcf37199a422cd14ec9"),
    ] {
        let answer = octets(field.as_bytes(), cnonce, who, target);
        assert!(has(&answer, format!("response=\"{response}\"")), "{field}: {}", String::from_utf8_lossy(&answer));
    }
    let answer = octets(hashed_user.as_bytes(), "c", ("J\u{e4}s\u{f8}n Doe", ""), "/");
    let hash = "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b";
    assert!(has(&answer, format!("username=\"{hash}\"")) && has(&answer, "userhash=true"));
}

#[test]
fn octets_beyond_ascii_come_back_as_they_were() {
    for (field, said) in [
        (&b"Digest realm=\"caf\xe9\", nonce=\"n\", qop=\"auth\""[..], &b"realm=\"caf\xe9\""[..]),
        (b"Digest realm=\"caf\xc3\xa9\", nonce=\"n\", charset=UTF-8", b"realm=\"caf\xc3\xa9\""),
        (b"Digest realm=\"r\", nonce=\"\xe9\\\"n\", qop=auth", b"nonce=\"\xe9\\\"n\""),
        (b"Digest realm=\"r\", domain=\"/\xe9\", opaque=\"\xff\", nonce=\"n\"", b"opaque=\"\xff\""),
        (b"Basic realm=\"caf\xe9\", Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", b"realm=\"r\", nonce=\"n\""),
    ] {
        let answer = octets(field, CNONCE, ("ann", "pw"), "/");
        assert!(has(&answer, said), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn broken_challenges_of_digest_are_read() {
    for field in [
        r#"Digest realm="r" nonce="n" qop="auth""#,
        "Digest realm=r nonce=n qop=auth",
        "Digest \t realm = \"r\" ,\tnonce = n , qop = auth",
        r#", Digest, realm="r",, nonce="n", qop="auth",,"#,
        r#"Digest realm="r", nonce="m", nonce="n", qop="auth", qop="auth-int""#,
        r#"Foo bar baz, Digest realm="r", nonce="n", qop="auth""#,
        r#"Negotiate abc==, Digest realm="r", nonce="n", qop="auth""#,
        r#"NTLM TlRMTVNTUAAC/+x=, Basic realm="b, Digest c", Digest realm="r", nonce="n", qop="auth""#,
        r#"Basic realm="b" Digest realm="r" nonce="n" qop="auth""#,
        r#"Basic realm=b Digest realm=r, nonce=n, qop=auth"#,
        r#"="x" "y" Digest realm="r", nonce="n", qop="auth"#,
        r#"Digest realm="r", nonce="n", qop="auth, auth-int", stale=, foo"#,
        r#"Bearer realm="x", Digest realm="\r", nonce="n", qop=auth, foo="bar\"#,
    ] {
        let answer = octets(field.as_bytes(), CNONCE, ("ann", "pw"), "/");
        let right = r#"Digest username="ann", realm="r", nonce="n", uri="/", nc=00000001, cnonce="0a4f113b", qop=auth, response=""#;
        assert!(has(&answer, right), "{field}: {}", String::from_utf8_lossy(&answer));
    }
    for (field, right) in [
        (r#"Digest nonce="n", qop="auth""#, r#"realm="", nonce="n", uri="/", nc="#),
        (r#"Digest realm="r", nonce="n", qop="""#, r#"realm="r", nonce="n", uri="/", response="#),
        (r#"Digest realm="r", nonce="n", qop="other""#, r#"nonce="n", uri="/", response="#),
        ("Digest realm=my own realm, nonce=n", r#"realm="my own realm", nonce="n""#),
        ("Digest realm=\"r\", nonce=", r#"nonce="", uri="/""#),
    ] {
        let answer = octets(field.as_bytes(), CNONCE, ("ann", "pw"), "/");
        assert!(has(&answer, right), "{field}: {}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn basic_beside_any_digest_needs_leave() {
    let long = format!("Digest nonce=\"{}\"", "n".repeat(20_000));
    for digest in [
        r#"Digest realm="a", nonce="n", qop="auth-int""#,
        r#"Digest realm="a", nonce="n", algorithm=SHA3-256"#,
        r#"Digest realm="a", nonce="n", algorithm=MD5-sess"#,
        r#"Digest realm="a", qop="auth""#,
        "Digest",
        &long,
    ] {
        for fields in [
            [BASIC, digest],
            [digest, BASIC],
            [&format!("{BASIC}, {digest}"), ""],
            [&format!("{digest}, {BASIC}"), "x"],
        ] {
            let fields = fields.map(str::as_bytes);
            let why = choose(&fields, BasicFor::OffersWithoutDigest, CNONCE).expect_err("no answer");
            assert!(why.starts_with("Digest ") || why.contains("of Digest"), "{why}");
            assert!(matches!(choose(&fields, BasicFor::AnyOffer, CNONCE), Ok(Challenge::Basic)), "{digest}");
        }
    }
    assert!(matches!(
        choose(&[b"Basic realm=\"Digest a\""], BasicFor::OffersWithoutDigest, CNONCE),
        Ok(Challenge::Basic)
    ));
}

#[test]
fn challenges_behind_a_lost_quote_are_read() {
    for field in
        ["Basic realm=\"x", "Basic realm=\"x\\\"", "Basic realm=\"my Digest", "Basic realm=\"a, b", "basic realm=x\""]
    {
        let chosen = choose(&[field.as_bytes()], BasicFor::OffersWithoutDigest, CNONCE);
        assert!(matches!(chosen, Ok(Challenge::Basic)), "{field}: {chosen:?}");
    }
    for (field, right) in [
        (r#"Digest realm="x", nonce="n"#, r#"realm="x", nonce="n", uri="/""#),
        (r#"Basic realm="x, Digest realm="y", nonce="n""#, r#"realm="y", nonce="n", uri="/""#),
        (r#"Basic realm="x, Digest realm=y, nonce="n"#, r#"realm="y", nonce="n", uri="/""#),
        (r#"Basic realm="x, y, digest realm=y, nonce=n"#, r#"realm="y", nonce="n", uri="/""#),
    ] {
        let answer = octets(field.as_bytes(), CNONCE, ("ann", "pw"), "/");
        assert!(has(&answer, right), "{field}: {}", String::from_utf8_lossy(&answer));
    }
    for field in [&br#"Basic realm="x, Digest"#[..], br#"Basic realm="x, Digest realm="y, nonce=n"#] {
        let chosen = choose(&[field], BasicFor::OffersWithoutDigest, CNONCE);
        assert!(chosen.is_err(), "the password would go out in clear: {chosen:?}");
    }
}

/// The challenge of Digest that a lost quote hides.
fn hidden(field: &[u8]) -> Option<&[u8]> {
    let mut parts = ChallengeParts::new(field);
    assert!((&mut parts).count() > 0);
    parts.hidden_digest()
}

#[test]
fn parameter_named_digest_is_no_hidden_challenge() {
    // A field is read once more from a hidden challenge, so these would cost a reading each.
    let parameters = r#"Digest=""y,Digest ="",digest	= x,"#.repeat(10_000);
    assert!(hidden(parameters.as_bytes()).is_none());
    let field = format!(r#"{parameters}Basic realm="x, Digest realm="y", nonce="n""#);
    assert_eq!(hidden(field.as_bytes()), Some(&br#"Digest realm="y", nonce="n""#[..]));
    let answer = octets(field.as_bytes(), CNONCE, ("ann", "pw"), "/");
    assert!(has(&answer, r#"realm="y", nonce="n", uri="/""#), "{}", String::from_utf8_lossy(&answer));
    let chosen = choose(&[format!("Basic, {parameters}").as_bytes()], BasicFor::OffersWithoutDigest, CNONCE);
    assert!(matches!(chosen, Ok(Challenge::Basic)), "{chosen:?}");
}

#[test]
fn challenges_with_one_nonce_are_counted_together() {
    let (first, mut second, mut other) =
        (strongest(&[MD5]).unwrap(), strongest(&[MD5]).unwrap(), strongest(&[SHA256]).unwrap());
    let nc = |challenge: &Challenge| challenge.answer(&user("a"), "GET", "/").unwrap().to_str().unwrap().to_owned();
    second.share_nonce(&first);
    other.share_nonce(&strongest(&[r#"Digest realm="a", nonce="m""#]).unwrap());
    for (challenge, count) in
        [(&first, "nc=00000001,"), (&second, "nc=00000002,"), (&first, "nc=00000003,"), (&other, "nc=00000001,")]
    {
        assert!(nc(challenge).contains(count));
    }
}

proptest! {
    #[test]
    fn any_field_is_answered_or_passed_over(text in "\\PC*|(Digest |Basic |realm=|nonce=|\"|,| |=|\\\\|qop=auth|é|x)*") {
        if let Some(challenge) = strongest(&[&text.replace(['\0', '\n', '\r'], "")]) {
            challenge.answer(&user("é"), "GET", "/");
        }
    }
}
