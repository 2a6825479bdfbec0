"""What belongs to the news feed: the one object that the entry point in pyproject.toml names."""

from populace.manifest import Manifest

MANIFEST = Manifest(
    id="own/feed-v0",
    world="own_world.world:Feed",
    about="A news feed and the polarisation of its readers.",
    policies={
        "engaging": "own_world.policies:Engaging",
        "outward": "own_world.policies:Outward",
        "central": "own_world.policies:Central",
        "selective": "own_world.policies:Selective",
    },
    scenarios="own_world:scenarios",
    report="own_world.report:sections",
    audits={"polarisation": "own_world.report:polarisation"},
    docs="README.md",
)
