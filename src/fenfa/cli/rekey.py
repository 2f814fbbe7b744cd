"""`fenfa rekey`: a new key for the secrets at rest."""

from fenfa.cli import new_app
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services.rekeying import reseal
from fenfa.services.vault import add_sealing_key, drop_old_keys

app = new_app()


@app.command()
def rekey(config: ConfigFile = None) -> None:
    """Encrypt the stored secrets (keys of Apple and S3) anew, with a new key. Safe while the server runs.

    The new key is added to secret.key; back that up afterwards. With FENFA_SECRET_KEY, add it there yourself (64 hexadecimal
    digits, after a comma), restart, and run this. Tokens stay as they are.

    \b
    Examples:
      fenfa rekey
    """
    runtime = open_here(config)
    file = runtime.keys.file
    keys = add_sealing_key(file) if file else runtime.keys
    count = runtime.database.write_now(reseal, keys)
    if file:
        drop_old_keys(file)
    print(f"secrets sealed with {'a new' if file else 'the last given'} key: {count}")
