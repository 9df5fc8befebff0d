"""Celery tasks of a user's that ask a model; the broker is a folder. Run as a program it orders as many as it is told."""

import os
import sys
from pathlib import Path

import openai
from celery import Celery

folder = Path(os.environ["BROKER"])
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(folder),
    "data_folder_out": str(folder),
    "control_folder": str(folder / "control"),
    "polling_interval": 0.1,
}
app.conf.worker_hijack_root_logger = False


@app.task
def ask(number: int) -> None:
    openai.OpenAI(max_retries=0).chat.completions.create(
        model=f"gpt-{number}", messages=[{"role": "user", "content": "hello"}]
    )


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        ask.delay(number)
