"""What browsers of every kind call themselves."""

_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = {
    "iphone": f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_WEBKIT} Version/18.5 Mobile/15E148 Safari/604.1",
    "old iphone": f"Mozilla/5.0 (iPhone; CPU iPhone OS 14_2 like Mac OS X) {_WEBKIT} Version/14.2 Mobile/15E148 Safari/604.1",
    "ipad": f"Mozilla/5.0 (iPad; CPU OS 15_8 like Mac OS X) {_WEBKIT} Version/15.8 Mobile/15E148 Safari/604.1",
    "wechat": f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {_WEBKIT} Mobile/15E148 MicroMessenger/8.0.47",
    "android": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile "
    "Safari/537.36",
    "old android": "Mozilla/5.0 (Linux; Android 6.0; Nexus 5) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile "
    "Safari/537.36",
    "mac": f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/18.5 Safari/605.1.15",
    "windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "linux": "Mozilla/5.0 (X11; Linux aarch64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "fedora": "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "curl": "curl/8.5.0",
}
