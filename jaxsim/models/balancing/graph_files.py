"""Graphs from files and from networkx: edge lists and GraphML, refused in one line where they are no use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.core.validation import InvalidInput, MissingExtra, refuse, require
from jaxsim.models.balancing.graphs import Graph, from_edges

MOST_BYTES, MOST_XML = 1 << 30, 1 << 28
"""Of an edge list, and of GraphML, whose tree takes many times its size."""


def from_file(path: Any) -> Graph:
    """Read a graph: ``.graphml`` (or ``.xml``) as GraphML, anything else as an edge list ("a b" per line).

    Edge directions and attributes are ignored; nodes are renumbered for locality (reverse Cuthill-McKee).

    Raises:
        InvalidInput: if the file is missing, unreadable, malformed, empty, disconnected, made of self-loops
            only, or XML that declares entities or a document type.
        MissingExtra: without networkx.
    """
    networkx = _networkx()
    file = Path(str(path))
    require(
        file.is_file(), "path", str(path), "is not a file", "give the path of an edge list or GraphML file"
    )
    packed = file.suffix.lower() in (".gz", ".bz2", ".xz", ".zip")
    require(not packed, "path", str(path), "is compressed", "unpack it first")
    most = MOST_XML if _is_xml(file) else MOST_BYTES
    require(file.stat().st_size <= most, "path", str(path), "is too large", f"keep it below {most >> 20} MiB")
    try:
        if _is_xml(file):
            graph = _read_graphml(networkx, file, str(path))
        else:
            graph = networkx.read_edgelist(file, data=False, create_using=networkx.MultiGraph)
            _no_stray_words(file, str(path))
    except InvalidInput:
        raise
    except Exception as error:
        problem = f"cannot be read as a graph ({type(error).__name__}: {' '.join(str(error).split())[:80]})"
        raise InvalidInput("path", str(path), problem, "write one edge 'a b' per line, or GraphML") from None
    return from_networkx(graph, name=file.name, field="path", value=str(path))


def from_networkx(graph: Any, *, name: str = "", field: str = "graph", value: Any = None) -> Graph:
    """Return a networkx graph as a `Graph`; directions are ignored, parallel edges count once each.

    Raises:
        InvalidInput: if it is empty, disconnected, or has no edge besides self-loops.
    """
    networkx = _networkx()
    value = name if value is None else value
    nodes = graph.number_of_nodes()
    require(nodes > 0, field, value, "holds no node", "give a graph with nodes and edges")
    undirected = networkx.MultiGraph(graph) if not graph.is_directed() else networkx.MultiGraph(graph.edges)
    undirected.add_nodes_from(graph.nodes)
    proper = any(a != b for a, b in undirected.edges())
    require(proper, field, value, "has no edge between two nodes", "give edges that join different nodes")
    parts = networkx.number_connected_components(undirected)
    require(parts == 1, field, value, f"falls into {parts} parts", "give a connected graph, or one file each")
    order = list(networkx.utils.reverse_cuthill_mckee_ordering(networkx.Graph(undirected)))
    number = {node: i for i, node in enumerate(order)}
    edges = np.array([(number[a], number[b]) for a, b in undirected.edges()], np.int64)
    return from_edges(name or f"graph of {nodes} nodes", nodes, edges)


def _is_xml(file: Path) -> bool:
    return file.suffix.lower() in (".graphml", ".xml")


def _networkx() -> Any:
    try:
        import networkx
    except ImportError:
        raise MissingExtra("reading a graph", "networkx", "graphs") from None
    return networkx


def _read_graphml(networkx: Any, file: Path, value: str) -> Any:
    """Read GraphML; a document type can declare entities that expand without bound, so none is accepted."""
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:64]:
        refuse("path", value, "is not UTF-8", "save the GraphML file as UTF-8")
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data, re.IGNORECASE):
        refuse(
            "path", value, "declares entities or a document type", "remove the <!DOCTYPE ...> from the file"
        )
    return networkx.parse_graphml(data.decode("utf-8"), force_multigraph=True)


def _no_stray_words(file: Path, value: str) -> None:
    """Refuse lines with a single word: networkx would skip them in silence."""
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if len(words) == 1:
                refuse("path", value, f"has one word in line {number}", "write two node names per line")
