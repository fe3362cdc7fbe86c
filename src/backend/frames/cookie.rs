//! A cookie on its way between a parent and a child.

use serde::{Deserialize, Serialize};

use crate::policy::cookies::Cookie;

/// A cookie that a jar has taken.
#[derive(Serialize, Deserialize)]
pub(in crate::backend) struct CookieFrame {
    name: Vec<u8>,
    value: Vec<u8>,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    http_only: bool,
    expires: Option<i64>,
}

impl std::fmt::Debug for CookieFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CookieFrame({})", self.name.escape_ascii())
    }
}

impl From<Cookie> for CookieFrame {
    fn from(cookie: Cookie) -> Self {
        let Cookie { name, value, domain, host_only, path, secure, http_only, expires } = cookie;
        Self { name, value, domain, host_only, path, secure, http_only, expires }
    }
}

impl From<CookieFrame> for Cookie {
    fn from(frame: CookieFrame) -> Self {
        let CookieFrame { name, value, domain, host_only, path, secure, http_only, expires } = frame;
        Self { name, value, domain, host_only, path, secure, http_only, expires }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_arrives_as_it_was_sent() {
        let cookie = Cookie {
            name: b"n\xe9".to_vec(),
            value: b"v\xff".to_vec(),
            domain: "a.test".to_owned(),
            host_only: true,
            path: "/p".to_owned(),
            secure: true,
            http_only: false,
            expires: Some(-1),
        };
        let bytes = postcard::to_stdvec(&CookieFrame::from(cookie.clone())).unwrap();
        assert_eq!(Cookie::from(postcard::from_bytes::<CookieFrame>(&bytes).unwrap()), cookie);
        assert!(!format!("{:?}", CookieFrame::from(cookie)).contains('v'));
    }
}
