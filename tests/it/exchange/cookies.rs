//! Cookies: one jar for a run that wants one, else one for each chain of redirects.

use std::time::Duration;

use wiremock::ResponseTemplate;

use crate::support::BACKENDS;
use crate::support::cli::Fetchall;
use crate::support::mock::{self, Mocks, field, get, hello};

fn setting(answer: ResponseTemplate, cookies: &[&str]) -> ResponseTemplate {
    cookies.iter().fold(answer, |answer, cookie| answer.append_header("set-cookie", *cookie))
}

fn sets(cookies: &[&str]) -> ResponseTemplate {
    setting(hello(), cookies)
}

fn redirects(to: &str, cookies: &[&str]) -> ResponseTemplate {
    setting(mock::redirect(302, to), cookies)
}

/// The path of each request, and its cookies.
fn cookies(server: &Mocks) -> Vec<(String, String)> {
    let cookies = |request| field(request, "cookie").unwrap_or_default().to_owned();
    server.requests().iter().map(|request| (request.url.path().to_owned(), cookies(request))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_redirect_chain_keeps_its_cookies_to_itself() {
    for backend in BACKENDS {
        let server = Mocks::start([
            get("in").respond_with(redirects("/gate/x", &["id=1; Path=/", "elsewhere=1; Path=/other"])),
            get("gate/x").respond_with(redirects("/home", &["pass=2; Path=/", "id=; Max-Age=0; Path=/"])),
            get("home").respond_with(sets(&["late=1"])),
            get("next").respond_with(hello()),
        ]);
        let run = Fetchall::new().args(["-c", "1", "--backend", backend, "-H", "Cookie: own=0"]);
        run.args(["in", "next"].map(|name| server.url(name))).run().expect_code(0);
        let expected = [("/in", "own=0"), ("/gate/x", "id=1; own=0"), ("/home", "pass=2; own=0"), ("/next", "own=0")];
        assert_eq!(cookies(&server), pairs(&expected), "{backend}");
    }
}

#[test]
fn a_cookie_reaches_every_url_that_is_handed_out_later() {
    for backend in BACKENDS {
        let later = |name| get(name).respond_with(hello().set_delay(Duration::from_millis(30)));
        let server = Mocks::start(["a", "b", "c", "d", "e", "f", "g", "h"].map(later));
        server.mount(get("set").respond_with(sets(&["id=1; Path=/"])));
        server.mount(get("unset").respond_with(sets(&["id=; Max-Age=0; Path=/"])));
        let mut run = Fetchall::new()
            .args(["-c", "4", "--backend", backend, "--json", "--save-cookies", "jar", "-"])
            .stdin_open()
            .spawn();
        let mut each = |names: &[&str]| {
            names.iter().for_each(|name| run.write_line(&server.url(name)));
            names.iter().for_each(|_| drop(run.next_line()));
        };
        each(&["set"]);
        each(&["a", "b", "c", "d"]);
        each(&["unset"]);
        each(&["e", "f", "g", "h"]);
        run.wait().expect_code(0);
        for (path, cookie) in cookies(&server) {
            let expected = if ["/a", "/b", "/c", "/d", "/unset"].contains(&path.as_str()) { "id=1" } else { "" };
            assert_eq!(cookie, expected, "{backend} {path}");
        }
        assert_eq!(server.requests().len(), 10);
    }
}

#[test]
fn domains_paths_and_public_suffixes_are_minded_across_hosts() {
    for backend in BACKENDS {
        let first =
            ["all=1; Domain=example.co.uk", "own=2", "bad=3; Domain=co.uk", "s=4; Secure", "__Host-h=5; Path=/"];
        // As a proxy the server is every host.
        let server = Mocks::start([
            get("one").respond_with(redirects("http://cdn.example.co.uk/two", &first)),
            get("two").respond_with(redirects("http://evil.co.uk/three", &["foreign=6; Domain=evil.co.uk"])),
            get("three").respond_with(redirects("http://www.example.co.uk/four", &[])),
            get("four").respond_with(hello()),
        ]);
        let proxy = server.address().to_string();
        let run = Fetchall::new().args(["-x", &proxy, "--backend", backend, "-b", "", "http://www.example.co.uk/one"]);
        run.run().expect_code(0);
        let expected = [("/one", ""), ("/two", "all=1"), ("/three", ""), ("/four", "all=1; own=2")];
        assert_eq!(cookies(&server), pairs(&expected), "{backend}");
        let hosts: Vec<_> = server.requests().iter().filter_map(|r| r.url.host_str().map(str::to_owned)).collect();
        assert_eq!(hosts, ["www.example.co.uk", "cdn.example.co.uk", "evil.co.uk", "www.example.co.uk"]);
    }
}

#[test]
fn cookies_are_loaded_and_saved_as_other_programs_write_them() {
    let host = "127.0.0.1";
    let file = format!(
        "# Netscape HTTP Cookie File\n#HttpOnly_{host}\tFALSE\t/\tFALSE\t0\tid\t1\n{host}\tFALSE\t/\tTRUE\t0\ts\t2\n\
         {host}\tFALSE\t/\tFALSE\t1\told\t3\nodd line\n"
    );
    for backend in BACKENDS {
        let server = Mocks::start([get("x").respond_with(sets(&["new=4; Path=/; Max-Age=1000"])).expect(2)]);
        for words in [&["--load-cookies", "jar"][..], &["-b", "jar"]] {
            let run = Fetchall::new().file("jar", &file).args(words);
            let run =
                run.args(["--save-cookies", "out", "--backend", backend]).arg(server.url("x")).run().expect_code(0);
            assert!(run.stderr.contains("jar:5: no cookie, because fewer than 6 fields"), "{}", run.stderr);
            let out = String::from_utf8(run.read("out")).unwrap();
            assert!(out.contains(&format!("#HttpOnly_{host}\tFALSE\t/\tFALSE\t0\tid\t1\n")), "{out}");
            assert!(out.contains("\tnew\t4\n") && out.contains("\ts\t2\n") && !out.contains("old"), "{out}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(run.folder().join("out")).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "they say who asks");
            }
            assert!(cookies(&server).iter().all(|(_, cookie)| cookie == "id=1"), "{:?}", cookies(&server));
        }
    }
}

#[test]
fn files_of_browsers_are_taken_or_refused_with_a_reason() {
    let taken = [
        "\u{feff}127.0.0.1\tfalse\t/\tfalse\t\tid\t1\r\n",
        "#HttpOnly_.127.0.0.1 TRUE / FALSE 1999999999999 id 1\n",
        r#"[{"domain":"127.0.0.1","hostOnly":true,"name":"id","value":"1","path":"/","session":true}]"#,
    ];
    for backend in BACKENDS {
        for file in taken {
            let server = Mocks::hello();
            let run = Fetchall::new().file("jar", file).args(["--load-cookies", "jar", "--backend", backend]);
            let run = run.arg(server.url("x")).run().expect_code(0);
            assert!(!run.stderr.contains("jar"), "{}", run.stderr);
            assert_eq!(cookies(&server), pairs(&[("/x", "id=1")]), "{backend} {file}");
        }
    }
    for (file, says) in
        [("{\"hunter2\": 1}", "no list of cookies in JSON"), ("SQLite format 3\0hunter2", "a browser's database")]
    {
        let run = Fetchall::new().file("jar", file).args(["--load-cookies", "jar", "http://127.0.0.1:1/"]).run();
        let told = run.expect_code(2).stderr;
        assert!(told.contains("the cookies of jar: it is ") && told.contains(says), "{told}");
        assert!(told.contains("cookies.txt") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_file_may_go_from_run_to_run() {
    let server = Mocks::start([get("set").respond_with(sets(&["id=1"])), get("get").respond_with(hello())]);
    let folder = tempfile::tempdir().unwrap();
    let jar = folder.path().join("jar").display().to_string();
    for name in ["set", "get"] {
        Fetchall::new()
            .args(["--load-cookies", &jar, "--save-cookies", &jar])
            .arg(server.url(name))
            .run()
            .expect_code(0);
    }
    assert_eq!(cookies(&server), pairs(&[("/set", ""), ("/get", "id=1")]));
    let run = Fetchall::new().args(["--load-cookies", "none-such"]).arg(server.url("x")).run().expect_code(2);
    assert!(run.stderr.contains("cannot use none-such for cookies"), "{}", run.stderr);
}

#[test]
fn cookies_of_the_command_line_stay_at_listed_origins() {
    for backend in BACKENDS {
        let other = Mocks::start(["landed", "listed"].map(|name| get(name).respond_with(sets(&["theirs=hunter2"]))));
        let out = get("out").respond_with(redirects(&other.url("landed"), &[]));
        let server = Mocks::start([out, get("again").respond_with(hello())]);
        let run = Fetchall::new()
            .args(["-b", "id=s3cret", "--backend", backend, "--json", "-v", "--progress", "json"])
            .args([server.url("out"), server.url("again"), other.url("listed")])
            .run()
            .expect_code(0);
        assert!(cookies(&server).iter().all(|(_, cookie)| cookie.ends_with("id=s3cret")), "{:?}", cookies(&server));
        for (path, cookie) in cookies(&other) {
            assert_eq!(cookie.contains("s3cret"), path == "/listed", "{backend} {path}");
        }
        assert_eq!(run.stderr.matches("is sent --cookie").count(), 1, "{}", run.stderr);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains("s3cret") && !text.contains("hunter2"), "{text}");
        }
    }
    let run = Fetchall::new().args(["config", "-b", "id=s3cret"]).run().expect_code(0);
    assert!(!run.stdout.contains("s3cret") && run.stdout.contains("cookie = \"(hidden)"), "{}", run.stdout);
}

#[test]
fn cookies_given_in_several_ways_go_in_one_field() {
    let server = Mocks::start(["1", "2"].map(|name| get(name).respond_with(sets(&["a=b"]))));
    let args = ["-c", "1", "--retry", "0", "-H", "Cookie: c=C1", "-b", "zz=C2"];
    Fetchall::new().args(args).args([server.url("1"), server.url("2")]).run().expect_code(0);
    assert_eq!(cookies(&server), pairs(&[("/1", "c=C1; zz=C2"), ("/2", "a=b; c=C1; zz=C2")]));
    assert!(server.requests().iter().all(|request| request.headers.get_all("cookie").iter().count() == 1));
}
