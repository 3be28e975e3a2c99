"""The tasks of test_celery.py, and how worker and caller reach the cluster."""

import os
from urllib.parse import urlsplit

from celery import Celery

node = urlsplit(os.environ["AWS_ENDPOINT_URL_SQS"]).netloc
key = f"{os.environ['AWS_ACCESS_KEY_ID']}:{os.environ['AWS_SECRET_ACCESS_KEY']}"

app = Celery("tasks", broker=f"sqs://{key}@{node}", backend=os.environ["CELERY_RESULTS"])
app.conf.broker_transport_options = {
    "is_secure": False,
    "region": os.environ["AWS_REGION"],
    "wait_time_seconds": 5,
}
app.conf.worker_enable_remote_control = False  # SQS has no fan-out
app.conf.task_default_queue = "celery-orders"
app.conf.task_acks_late = True  # deleted from the queue once it is done


@app.task
def total(prices):
    return sum(prices)


@app.task(bind=True, max_retries=1)
def succeeds_at_last(self):
    """Comes back to the queue once, and then says how often it was tried."""
    if self.request.retries == 0:
        raise self.retry(countdown=1)
    return self.request.retries
