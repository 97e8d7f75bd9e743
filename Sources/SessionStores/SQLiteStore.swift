import CHiredis
import GRDB
import Sessions
