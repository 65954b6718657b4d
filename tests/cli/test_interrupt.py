import signal

import pytest
import typer

from oneclick.cli import main


def test_ctrl_c_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def busy() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", app)
    monkeypatch.setattr("sys.argv", ["oneclick"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    with pytest.raises(SystemExit) as end:
        main.run()
    assert end.value.code == 130
    assert "run the same command again to go on" in capsys.readouterr().err
