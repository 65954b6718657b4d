"""`oneclick models export`: a model of the workspace as one ONNX graph."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from oneclick.cli import output
from oneclick.core.errors import UsageError


class GraphFormat(StrEnum):
    """A format that models are exported to."""

    ONNX = "onnx"


def export(
    model: Annotated[str, typer.Argument(help="Model id, or champion.")] = "champion",
    home: output.Home = None,
    to: Annotated[GraphFormat, typer.Option("--to", help="Format.")] = GraphFormat.ONNX,
    int8: Annotated[
        bool, typer.Option("--int8", help="Layers in int8, calibrated on frames of your clips.")
    ] = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="Layers in float16, for GPUs.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: in the folder of the model.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Export a model as one graph, from the frame to the boxes, and compare it with torch.

    Exits with 1 if the graph does not find what the model finds. int8 and fp16 may lose some; how
    much is printed.
    """
    if int8 and fp16:
        raise UsageError("--int8 and --fp16 are two graphs: export one after the other")
    from oneclick.detectors import own
    from oneclick.storage.workspace import Workspace
    from oneclick.training.export import exporter

    workspace = Workspace(output.load_settings(home).home)
    model_id = own.trained_model(f"model:{model}", workspace)
    if model_id is None:
        raise UsageError("no model is in service: name one that oneclick models list shows")
    with output.progress_bars():
        kind = exporter.precision_named(int8=int8, fp16=fp16)
        exported = exporter.export(workspace, model_id, kind, out)
    file, report = exported.file, exported.file.parity
    if json:
        output.print_json({"path": str(exported.path), **msgspec.to_builtins(file)})
    else:
        output.echo(str(exported.path))
    output.message(f"{file.size / 1e6:.1f} MB, {kind}; its card is {exported.path.name}.json")
    if report is None:
        output.message("not compared with torch: the workspace has no clips yet; run a lap first")
        return
    output.message(
        f"on {report.frames} frames of clips, {report.boxes} boxes: {report.px:.2g} px apart at "
        f"most, {report.unmatched} without a partner; mAP {report.ap_torch:.4f} in torch, "
        f"{report.ap_graph:.4f} as a graph (against {report.truth}); {report.ms_torch:.0f} ms a "
        f"frame in torch, {report.ms_graph:.0f} ms as a graph"
    )
    if kind != "fp32":
        kept = f"; left in float: {', '.join(file.excluded)}" if file.excluded else ""
        output.message(f"mAP lost by {kind}: {report.ap_loss:.4f}{kept}")
    elif not report.holds:
        output.message("the graph does not find what the model finds: keep to torch")
        raise typer.Exit(1)
    if not report.boxes:
        output.message("the model found nobody there: whether the graph does is not known")
