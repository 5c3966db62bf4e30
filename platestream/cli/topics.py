"""`platestream topics`: make the topics of schemas/topics, or check the broker's against them."""

import typer

from platestream.settings import load_settings

app = typer.Typer(name="topics", help="Create the topics, or check them against schemas/topics.", no_args_is_help=True)


@app.command()
def create() -> None:
    """Create the topics that are missing, then check all of them."""
    from streams.topics import check_topics, create_topics

    settings = load_settings()
    made = create_topics(settings.kafka)
    check_topics(settings.kafka)
    print(f"created: {', '.join(made) or 'none, all were there'}")


@app.command()
def check() -> None:
    """Compare partitions and configuration of every topic with its file."""
    from streams.topics import check_topics

    check_topics(load_settings().kafka)
    print("all topics are as their files say")
