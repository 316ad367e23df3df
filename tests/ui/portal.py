"""A desktop portal on the bus of a test, and the question that the overlay asks it.

Its arguments are namespace, key and value (JSON) of the only setting that it knows.
"""

import json
import sys
import threading

from PyQt6.QtCore import QCoreApplication, QMetaObject, QObject, Qt, pyqtClassInfo, pyqtSlot
from PyQt6.QtDBus import QDBusAbstractAdaptor, QDBusConnection, QDBusVariant

from ui.reduced_motion import INTERFACE, PATH, SERVICE, asks_for_less_motion

NAMESPACE, KEY, VALUE = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


@pyqtClassInfo("D-Bus Interface", INTERFACE)  # type: ignore[func-returns-value]
class Settings(QDBusAbstractAdaptor):  # type: ignore[misc]  # a decorator, unlike its stub says
    @pyqtSlot(str, str, result="QDBusVariant")
    def ReadOne(self, namespace: str, key: str) -> QDBusVariant:
        return QDBusVariant(VALUE if (namespace, key) == (NAMESPACE, KEY) else "unknown")


def ask() -> None:
    print(asks_for_less_motion(), flush=True)
    QMetaObject.invokeMethod(app, "quit", Qt.ConnectionType.QueuedConnection)


app = QCoreApplication([])
portal = QObject()
Settings(portal)
bus = QDBusConnection.sessionBus()
assert bus.registerObject(PATH, portal, QDBusConnection.RegisterOption.ExportAdaptors)
assert bus.registerService(SERVICE)
threading.Thread(target=ask, daemon=True).start()
app.exec()
