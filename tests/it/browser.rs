//! A real browser without a network, on pages of a running product.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use fantoccini::wd::Capabilities;
use fantoccini::{Client as Browser, ClientBuilder, Locator};
use harness::servers;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// A browser that reaches this machine and nothing else. Ended when dropped, whatever happened.
pub(crate) struct Page {
    browser: Browser,
    driver: Driver,
    url: String,
    _profile: TempDir,
}

struct Driver {
    process: Child,
    url: String,
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Page {
    pub(crate) async fn open(url: &str) -> Self {
        let profile = tempfile::Builder::new().prefix("ciam-browser").tempdir().expect("a folder");
        let port = servers::free_port();
        let process = Command::new(servers::on_path("chromedriver").expect("chromedriver"))
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let driver = Driver { process, url: format!("http://127.0.0.1:{port}") };
        let options = json!({
            "binary": servers::on_path("chromium").expect("chromium"),
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1400,1000",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), options);
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < until, "chromedriver does not answer");
            tokio::task::yield_now().await;
        }
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let browser = builder.capabilities(capabilities).connect(&driver.url).await.expect("a browser");
        Self { browser, driver, url: url.to_owned(), _profile: profile }
    }

    pub(crate) async fn goto(&self, path: &str) {
        self.browser.goto(&format!("{}{path}", self.url)).await.expect("a page");
    }

    pub(crate) async fn js(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.browser.execute(script, arguments).await.expect("a script")
    }

    /// Waits until what the script returns is true.
    pub(crate) async fn until(&self, script: &str) {
        let until = Instant::now() + PATIENCE;
        // A page that is being left answers nothing.
        while self.browser.execute(script, vec![]).await.ok() != Some(json!(true)) {
            if Instant::now() >= until {
                let text = self.js("return document.body.innerText", vec![]).await;
                panic!("never: {script}\n{}", text.as_str().unwrap_or(""));
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn find(&self, css: &str) -> fantoccini::elements::Element {
        self.browser
            .wait()
            .at_most(PATIENCE)
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    pub(crate) async fn type_in(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("text")
    }

    /// Waits until that point of what is shown has this colour: of what no script reaches into, as a viewer's own page. Another
    /// window, which nothing forbids to, looks at the picture.
    pub(crate) async fn until_colour(&self, (x, y): (u32, u32), colour: [u8; 3]) {
        let script = "const [picture, x, y, done] = arguments; const image = new Image();
            image.onload = () => {
                const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
                const context = canvas.getContext('2d');
                context.drawImage(image, 0, 0);
                done([...context.getImageData(x, y, 1, 1).data].slice(0, 3));
            };
            image.src = `data:image/png;base64,${picture}`";
        let shown = self.browser.window().await.expect("a window");
        let aside = self.browser.new_window(true).await.expect("another one").handle;
        let until = Instant::now() + PATIENCE;
        loop {
            self.browser.switch_to_window(shown.clone()).await.expect("its turn");
            let picture = BASE64.encode(self.browser.screenshot().await.expect("a picture"));
            self.browser.switch_to_window(aside.clone()).await.expect("its turn");
            let found = self.browser.execute_async(script, vec![json!(picture), json!(x), json!(y)]).await.expect("a colour");
            if found == json!(colour) {
                break;
            }
            assert!(Instant::now() < until, "{found} is shown");
        }
        self.browser.close_window().await.expect("closed");
        self.browser.switch_to_window(shown).await.expect("its turn");
    }

    /// What the browser complained of.
    pub(crate) async fn complaints(&self) -> Vec<Value> {
        let session = self.browser.session_id().await.expect("a session").expect("its id");
        let response = reqwest::Client::new()
            .post(format!("{}/session/{session}/se/log", self.driver.url))
            .json(&json!({ "type": "browser" }))
            .send()
            .await
            .expect("the log");
        let log: Value = response.json().await.expect("JSON");
        let lines = log["value"].as_array().unwrap_or_else(|| panic!("no log: {log}"));
        lines.iter().filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING").cloned().collect()
    }

    pub(crate) async fn close(self) {
        assert_eq!(self.complaints().await, Vec::<Value>::new());
        self.browser.clone().close().await.expect("closed");
    }
}
