//! Challenges as servers send them, and answers recomputed from what the fields say.

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use proptest::prelude::*;

use super::Challenge;
use crate::model::Credentials;

fn strongest(fields: &[&str]) -> Option<Challenge> {
    let mut map = HeaderMap::new();
    for field in fields {
        map.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(field.as_bytes()).unwrap());
    }
    Challenge::strongest(&map)
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
        (&[r#"digest realm="a", nonce="n", qop="auth,auth-int", algorithm="md5-SESS""#], "MD5-sess,"),
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
    for fields in [&[][..], &["Bearer"], &[unusable], &[session_alone], &["Digest realm=\"\u{e4}\", nonce=\"n\""]] {
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
    let mut challenge = strongest(&[MD5]).unwrap();
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
    assert!(answer.contains(r#"opaque="o""#) && answer.ends_with(", algorithm=SHA-256"), "{answer}");
}

proptest! {
    #[test]
    fn any_field_is_answered_or_passed_over(text in "\\PC*|(Digest |Basic |realm=|nonce=|\"|,| |=|\\\\|qop=auth|é|x)*") {
        if let Some(mut challenge) = strongest(&[&text.replace(['\0', '\n', '\r'], "")]) {
            challenge.answer(&user("é"), "GET", "/");
        }
    }
}
