from tests.support.client import AppClient


def test_upload_and_download(client: AppClient) -> None:
    made = client.make_release(b"x" * 5000)
    got = client.get(made["urls"]["download"])
    assert got.status_code == 200
    assert got.content == b"x" * 5000
    client.flush()
    assert client.get("/api/products/myapp").json()["data"]["variants"][0]["latest_release"]["download_count"] == 1
