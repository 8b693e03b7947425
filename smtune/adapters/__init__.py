"""An *adapter* turns an object of another library into smtune's own, one module or package per library.

None of them imports its library: whoever has such an object has imported it already.
"""
